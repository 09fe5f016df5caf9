"""The asking as a process of its own, in a session of its own.

When the stage is killed, the answers under way, which are paid for, still reach the store before that process ends: it
sees the pipe to the stage close, sends nothing more, and waits for what it has sent.
"""

import os
import signal
import subprocess
import sys


def ask_in_own_process() -> int:
    """Run `--ask` apart from this process and return its exit status; an interrupt is passed on."""
    ours, theirs = os.pipe()
    command = [sys.executable, "-m", "stages.teacher_cot", "--ask", "--lifeline", str(ours)]
    process = subprocess.Popen(command, pass_fds=[ours], start_new_session=True)
    os.close(ours)
    try:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                process.send_signal(signal.SIGINT)
    finally:
        os.close(theirs)
