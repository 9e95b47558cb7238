"""What a process that multiprocessing spawns imports instead of the program that ``python -m tahr run`` runs.

By itself such a process would import the program before anything lets ``keras`` stand for tahr.
"""

if __name__ == "__mp_main__":
    from .__main__ import run_again
    run_again(globals())
