"""What several test files need: small games (`tiny`), terms that fail in time (`faulty`), runs and
sets compared (`shared`), a Slurm of one node (`slurm`).
"""
