#!/usr/bin/env bash
# boot.sh MACHINE: becomes systemd, as process 1 of namespaces that are there already. What it writes is in memory and goes with it.
set -euo pipefail
MACHINE=$1

mount --make-rprivate /
mount -t tmpfs -o mode=0755 tmpfs "$MACHINE/layers"
mkdir "$MACHINE"/layers/{up,work}
mount -t overlay -o "lowerdir=/,upperdir=$MACHINE/layers/up,workdir=$MACHINE/layers/work" overlay "$MACHINE/root"
cd "$MACHINE/root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs tmpfs sys/fs/cgroup
mkdir sys/fs/cgroup/systemd
mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
# Not this machine's devices, settings or mounts: what systemd does at its start would change those.
mount -t tmpfs -o mode=0755 tmpfs dev
mkdir dev/{shm,pts}
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
ln -s pts/ptmx dev/ptmx
for device in null zero full random urandom tty; do
    touch "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mkdir kept
mv usr/lib/systemd/system/sockets.target.wants/systemd-journald*.socket kept/
rm -rf {etc,usr/lib}/systemd/system/*.{wants,requires}
mkdir usr/lib/systemd/system/sockets.target.wants
mv kept/* usr/lib/systemd/system/sockets.target.wants/
mount -t tmpfs -o mode=0755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mkdir -p machine/{in,out}
mount --bind "$MACHINE/input" machine/in
mount --bind "$MACHINE/out" machine/out
mkdir -p etc/systemd/system
cp machine/in/systemd/steps.service etc/systemd/system/
# Not chroot: the kernel gives no user namespaces to what is in one.
mkdir -p machine/old
pivot_root . machine/old
umount -l /machine/old
# Services get their credentials by a mount that has to be seen here. systemd sees to it itself where it thinks that it is alone.
mount --make-rshared /
exec env -i container=strait PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system --show-status=no --unit=steps.service
