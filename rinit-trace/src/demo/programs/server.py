# A service that handles SIGTERM.
import os
import signal
import sys

with open("/proc/self/comm", "w") as name:
    name.write("python3")
# A signal that comes before the read is in the pipe.
reader, writer = os.pipe()
os.set_blocking(writer, False)
signal.set_wakeup_fd(writer)
signal.signal(signal.SIGTERM, lambda number, frame: None)
print("ready", flush=True)
os.read(reader, 1)
sys.exit(0)
