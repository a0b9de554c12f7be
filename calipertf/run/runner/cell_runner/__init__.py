"""Run scripts inside a cell and report on each: standard library alone.

It is run by the cell's own Python, 2.7 to 3.13 and later. It reads one JSON object, one line of
standard input, and writes one JSON line an event to standard output, as each happens:

    {"event": "start", "python": "3.7.16", "isolation": [...], "import_name": "tensorflow",
     "modules": ["tensorflow"]}
    {"event": "import", "retval": 0, "output": "...", "error": "...", "seconds": 2.1,
     "ended": "exit"}
    {"event": "script", "name": "...", "start": "warm", ...as above...}
    {"event": "end", "cpu": 12.3}

`cpu` is in seconds, of all scripts and imports together.

The object has these keys:

- `scripts` [{name, path, times, pytest}]: those whose `pytest` is true are run cold, by the program
  in the key `pytest`, the source of pytest_runner.py;
- `import_name`: null where it is to be found, by `distribution`;
- `start`: warm or cold;
- `timeout`: seconds a script; `memory`: bytes a script; `limit`: bytes kept of each stream;
- `scratch`: an empty folder, in which each script gets a fresh one;
- `read_only`, `writable`: folders; the latter are writable until the package was imported;
- `network`: whether scripts may use it;
- `cpus`: numbers of the cores to keep to, or null;
- `environ`: added to the environment; what Python reads as it starts, such as the hash seed, has to
  be in it before;
- `contained`: whether a container keeps scripts from network and files: then the runner does not.

Three processes: this one never imports the package; its child, the warm process, imports it once
and forks for each script; a script that fails warm is run again cold, and the cold result counts.
Where the system allows it, this one is process 1 of its own namespace: signals of scripts do not
reach it, and they cannot open what it has open.
Where the cold run of one script has confirmed that a name is not there, others of the same cell
that failed on the same name are not run again: they say which one by `confirmed_by`.
"""
