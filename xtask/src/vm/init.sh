#!/bin/sh
# PID 1 of a guest: mounts what a system has, runs the plan that the kernel's command line names, and ends the machine.
#
# The second serial port has the answers and nothing else: the kernel and everybody's mistakes go to the first. Each line
# that is this script's own begins with a mark that no program in the guest knows, or could print by accident.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/ NO_COLOR=1
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t securityfs security /sys/kernel/security
mount -t cgroup2 cgroup /sys/fs/cgroup
echo "+cpu +memory +pids" >/sys/fs/cgroup/cgroup.subtree_control
ip link set lo up

# From the kernel's command line, which it hands on as variables; programs do not get it.
told=$mark
unset mark
stty -F /dev/ttyS1 raw -echo
# No program writes to a terminal: pipes are read by who does.
mkfifo /run/out /run/errors
cat /run/out >/dev/ttyS1 &
out=$!
while IFS= read -r line; do printf '%s\n' "$told error $line"; done </run/errors >/dev/ttyS1 &
errors=$!
exec 3>/run/out 4>/run/errors

# step NAME SECONDS COMMAND...: runs a command, but not for ever.
step() {
    name=$1
    seconds=$2
    shift 2
    read -r uptime _ </proc/uptime
    echo "$told begin $name $uptime" >&3
    # In a session, as everything is on a system: that of a first process is none.
    timeout -s KILL "$seconds" setsid "$@" >&3 2>&4 3>&- 4>&-
    code=$?
    read -r uptime _ </proc/uptime
    printf '\n%s\n' "$told end $name $code $uptime" >&3
}

. "/plans/$plan"

echo "$told over" >&3
exec 3>&- 4>&-
# What is written is read to its end, unless somebody who was left behind keeps a pipe open.
{
    sleep 10
    reboot -f
} &
wait "$out" "$errors"
reboot -f
