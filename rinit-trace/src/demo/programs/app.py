# A service that never thought of SIGTERM.
import signal

with open("/proc/self/comm", "w") as name:
    name.write("python3")
print("ready", flush=True)
while True:
    signal.pause()
