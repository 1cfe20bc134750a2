"""Runtime: devices, processes, signals, compilation and progress; the only room that knows them."""
