#!/bin/sh
# PID 1 of a guest with containerd, before its init: makes a root of which containers can be pivoted out. Out of the one that
# the kernel unpacks its archive into they cannot.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mkdir /root.new
mount -t tmpfs -o size=75%,mode=755 root /root.new
for entry in /*; do
    case $entry in
    /root.new | /init) ;;
    *) cp -a "$entry" /root.new/ ;;
    esac
done
exec switch_root /root.new /sbin/init
