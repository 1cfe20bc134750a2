"""Weight files of other frameworks, read without those frameworks and without unpickling."""
