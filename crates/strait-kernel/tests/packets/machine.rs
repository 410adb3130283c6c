//! Processes in machines: what they can do, and what they cannot see.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use strait_kernel::{
    Anchor, Kernel, KernelError, Launch, LaunchUser, Process, Sandbox, Signal, exec_in,
    service_owner,
};
use strait_vpc::picture::HostKind;

use crate::world::World;
use crate::{Ground, Named};

pub(crate) const TRIALS: &[Named] = &[
    (
        "root_of_a_machine_rules_its_network_only",
        root_rules_its_network_only,
    ),
    (
        "files_and_processes_of_others_are_out_of_sight",
        others_are_out_of_sight,
    ),
    (
        "names_are_looked_up_its_own_way",
        names_are_looked_up_its_own_way,
    ),
    (
        "binds_are_seen_below_what_is_hidden",
        binds_are_seen_below_what_is_hidden,
    ),
    ("unprivileged_is_not_root", unprivileged_is_not_root),
    ("signals_reach_the_program", signals_reach_the_program),
    (
        "a_program_that_does_not_start_says_why",
        a_program_that_does_not_start_says_why,
    ),
    ("exec_passes_the_status_on", exec_passes_the_status_on),
    (
        "processes_end_with_their_host",
        processes_end_with_their_host,
    ),
    ("nothing_runs_in_a_node", nothing_runs_in_a_node),
    ("processes_are_the_anchors", processes_are_the_anchors),
    (
        "a_process_may_stay_in_the_callers_network",
        a_process_may_stay_in_the_callers_network,
    ),
    (
        "an_anchor_starts_once_and_ends_whole",
        an_anchor_starts_once_and_ends_whole,
    ),
];

const END: Duration = Duration::from_secs(10);

fn root_rules_its_network_only(ground: &Ground) {
    let folder = machines(ground);
    let pins = ground.run_dir.join("ns");
    let other = pins.join("hosts/b/net");
    let script = format!(
        "id -u; hostname; cat /proc/sys/net/ipv4/ip_forward >/dev/null && echo 1 > /proc/sys/net/ipv4/ip_forward && echo settings
         ip link add x type veth peer name y && echo links; ip -4 -o address show eth0 | grep -o '10.1.0.10'
         ls {pins} 2>/dev/null | wc -l; nsenter --net={other} true 2>/dev/null || echo no-entry
         mount -t tmpfs none /mnt 2>/dev/null || echo no-mount; umount /tmp 2>/dev/null || echo no-umount
         hostname x 2>/dev/null || echo no-hostname; cat /proc/1/mem 2>/dev/null || echo no-memory
         cat /proc/1/environ >/dev/null 2>&1 || echo no-environment",
        pins = pins.display(),
        other = other.display()
    );
    let output = run(&ground.kernel, &folder, "a", &script, |_| {});
    let lines: Vec<_> = output.lines().map(str::trim).collect();
    let expected = [
        "0",
        "a",
        "settings",
        "links",
        "10.1.0.10",
        "0",
        "no-entry",
        "no-mount",
        "no-umount",
        "no-hostname",
        "no-memory",
        "no-environment",
    ];
    assert_eq!(lines, expected);
}

fn others_are_out_of_sight(ground: &Ground) {
    let folder = machines(ground);
    let sleeper = start(&ground.kernel, &folder, "b", "exec sleep 60", |_| {});
    fs::write("/tmp/strait-trial-secret", "secret").expect("a file");
    fs::create_dir(folder.join("data")).expect("a folder");
    fs::write(folder.join("data/secret"), "secret").expect("a file");
    let data = folder.join("data");
    let script = format!(
        "ls /proc | grep -c '^[0-9]'; kill -0 {} 2>/dev/null || echo no-process
         ls -A /tmp /run {data}; ls /run/.strait; cat {data}/secret 2>/dev/null || echo no-file",
        sleeper.pid,
        data = data.display()
    );
    let output = run(&ground.kernel, &folder, "a", &script, |launch| {
        launch.sandbox.hide.push(data.clone());
    });
    fs::remove_file("/tmp/strait-trial-secret").expect("the file");
    assert!(!output.contains("secret"), "{output}");
    let processes: usize = output
        .lines()
        .next()
        .expect("a count")
        .parse()
        .expect("a number");
    // init, sh, ls, grep.
    assert!(processes <= 4, "{output}");
    assert!(
        output.contains("no-process") && output.contains("no-file"),
        "{output}"
    );
    assert!(data.join("secret").exists(), "outside it is there");
    assert!(sleeper.alive());
    sleeper.signal(Signal::Kill).expect("the end");
}

fn names_are_looked_up_its_own_way(ground: &Ground) {
    let folder = machines(ground);
    let output = run(
        &ground.kernel,
        &folder,
        "a",
        "cat /etc/resolv.conf /etc/hosts; grep ^hosts /etc/nsswitch.conf; ls /etc/passwd",
        |launch| {
            launch.sandbox.resolv_conf = Some("nameserver 10.1.0.2\n".to_owned());
            launch.sandbox.hosts = Some("127.0.0.1 localhost a\n".to_owned());
        },
    );
    assert!(
        output.starts_with("nameserver 10.1.0.2\n127.0.0.1 localhost a\n"),
        "{output}"
    );
    assert!(
        !Path::new("/etc/nsswitch.conf").exists() || output.contains("hosts: files dns"),
        "{output}"
    );
    assert!(output.contains("/etc/passwd"), "{output}");
}

fn binds_are_seen_below_what_is_hidden(ground: &Ground) {
    let folder = machines(ground);
    for name in ["data/mine", "data/others"] {
        fs::create_dir_all(folder.join(name)).expect("a folder");
        fs::write(folder.join(name).join("file"), name).expect("a file");
    }
    let (data, mine) = (folder.join("data"), folder.join("data/mine"));
    let script = format!(
        "ls {data}; cat {mine}/file; cat /tmp/moved/file; cat /run/one",
        data = data.display(),
        mine = mine.display()
    );
    let output = run(&ground.kernel, &folder, "a", &script, |launch| {
        launch.sandbox.hide.push(data.clone());
        launch.sandbox.binds.push((mine.clone(), mine.clone()));
        launch
            .sandbox
            .binds
            .push((mine.clone(), PathBuf::from("/tmp/moved")));
        launch
            .sandbox
            .binds
            .push((mine.join("file"), PathBuf::from("/run/one")));
    });
    assert_eq!(output, "mine\ndata/minedata/minedata/mine");
}

fn unprivileged_is_not_root(ground: &Ground) {
    let folder = machines(ground);
    let own = folder.join("own");
    fs::create_dir(&own).expect("a folder");
    if let Some((uid, gid)) = service_owner() {
        chown(&own, Some(uid), Some(gid)).expect("its folder");
    }
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o711)).expect("a way through");
    let script = format!(
        "id -u; touch {}/file && echo written; ip link add x type veth peer name y 2>/dev/null || echo no-rights",
        own.display()
    );
    let output = run(&ground.kernel, &folder, "a", &script, |launch| {
        launch.user = LaunchUser::Unprivileged;
    });
    let lines: Vec<_> = output.lines().collect();
    assert!(
        lines[0] != "0" && lines[1..] == ["written", "no-rights"],
        "{output}"
    );
}

fn signals_reach_the_program(ground: &Ground) {
    let folder = machines(ground);
    let script = "trap 'echo interrupted; exit' INT; echo ready; while true; do sleep 0.05; done";
    let process = start(&ground.kernel, &folder, "a", script, |_| {});
    assert_eq!(ground.kernel.processes("a"), [process]);
    wait_for(&folder, "ready");
    assert!(process.alive() && !process.wait(Duration::ZERO).expect("a wait"));
    process.signal(Signal::Interrupt).expect("a signal");
    assert!(process.wait(END).expect("a wait"), "it ended");
    assert!(log(&folder).contains("interrupted"));
    assert_eq!(ground.kernel.processes("a"), []);
}

fn a_program_that_does_not_start_says_why(ground: &Ground) {
    let folder = machines(ground);
    let mut launch = launch(&folder, "true");
    launch.argv = vec!["no-such-program".to_owned()];
    let error = ground
        .kernel
        .spawn("a", &launch)
        .expect_err("no program")
        .to_string();
    assert!(
        error.contains("no-such-program") && error.contains("No such file"),
        "{error}"
    );
    launch.argv = vec!["true".to_owned()];
    launch.cwd = PathBuf::from("/no/such/folder");
    let error = ground
        .kernel
        .spawn("a", &launch)
        .expect_err("no folder")
        .to_string();
    assert!(error.contains("/no/such/folder"), "{error}");
    assert!(matches!(
        ground.kernel.spawn("nobody", &launch),
        Err(KernelError::NoNamespace { .. })
    ));
}

fn exec_passes_the_status_on(ground: &Ground) {
    let folder = machines(ground);
    let status =
        |script: &str| exec_in(&ground.run_dir, "a", &launch(&folder, script)).expect("it ran");
    assert_eq!(status("exit 7"), 7);
    assert_eq!(status("kill -TERM $$"), 128 + libc::SIGTERM);
    assert_eq!(status("test \"$(hostname)\" = a"), 0);
    assert!(exec_in(&ground.run_dir, "nobody", &launch(&folder, "true")).is_err());
    assert!(matches!(
        exec_in(&folder, "a", &launch(&folder, "true")),
        Err(KernelError::NoAnchor { .. })
    ));
}

fn processes_end_with_their_host(ground: &Ground) {
    let folder = machines(ground);
    let process = start(
        &ground.kernel,
        &folder,
        "b",
        "sleep 60 & exec sleep 60",
        |_| {},
    );
    let mut world = World::default();
    world.vpc("vpc-1", "10.1.0.0/16");
    world.instance("vpc-1", "a", "10.1.0.10", &[]);
    ground.kernel.apply(&world.picture).expect("applied");
    assert!(process.wait(END).expect("a wait"), "it ended with its host");
}

fn nothing_runs_in_a_node(ground: &Ground) {
    let folder = machines(ground);
    let mut world = World::default();
    world.vpc("vpc-1", "10.1.0.0/16");
    world.host("vpc-1", "node", "10.1.0.20", &[], HostKind::Node);
    ground.kernel.apply(&world.picture).expect("applied");
    assert!(
        ground
            .kernel
            .spawn("node", &launch(&folder, "true"))
            .is_err()
    );
}

/// So they go on without the server, and end with the anchor.
fn processes_are_the_anchors(ground: &Ground) {
    let folder = machines(ground);
    let process = start(&ground.kernel, &folder, "a", "exec sleep 60", |_| {});
    let status = fs::read_to_string(format!("/proc/{}/status", process.pid)).expect("its status");
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:\t"));
    let anchor = Anchor::find(&ground.run_dir)
        .expect("a record")
        .expect("the anchor");
    assert_eq!(parent, Some(anchor.pid.to_string().as_str()));
    process.signal(Signal::Kill).expect("the end");
    assert!(process.wait(END).expect("a wait"));
}

fn a_process_may_stay_in_the_callers_network(ground: &Ground) {
    let folder = machines(ground);
    let script = "readlink /proc/self/ns/net; ls /proc | grep -c '^[0-9]'; id -u";
    let launch = Launch {
        user: LaunchUser::Unprivileged,
        ..launch(&folder, script)
    };
    let process = ground.kernel.spawn_here(&launch).expect("it starts");
    assert!(process.wait(END).expect("a wait"));
    let output = log(&folder);
    let lines: Vec<_> = output.lines().collect();
    let own = fs::read_link("/proc/self/ns/net").expect("the network");
    assert_eq!(Path::new(lines[0]), own);
    assert!(
        lines[1].parse::<usize>().expect("a count") <= 4 && lines[2] != "0",
        "{output}"
    );
}

fn an_anchor_starts_once_and_ends_whole(ground: &Ground) {
    let run_dir = ground.folder.join("another");
    let anchor = Anchor::start(&run_dir).expect("another anchor");
    assert_eq!(
        Anchor::find(&run_dir).expect("a record").as_ref(),
        Some(&anchor)
    );
    assert!(
        matches!(Anchor::start(&run_dir), Err(KernelError::AlreadyRuns { pid, .. }) if pid == anchor.pid)
    );
    assert!(matches!(
        Kernel::open(&run_dir),
        Err(KernelError::NotJoined { .. })
    ));
    anchor.stop().expect("the end");
    assert_eq!(Anchor::find(&run_dir).expect("no record"), None);
    anchor.stop().expect("nothing to do");
}

/// Machines a and b, and an empty folder that everybody can reach.
fn machines(ground: &Ground) -> PathBuf {
    let mut world = World::default();
    world.vpc("vpc-1", "10.1.0.0/16");
    world.instance("vpc-1", "a", "10.1.0.10", &[]);
    world.instance("vpc-1", "b", "10.1.0.11", &[]);
    ground.kernel.apply(&world.picture).expect("applied");
    let folder = ground.folder.join("machines");
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("the trial's before");
    }
    fs::create_dir(&folder).expect("a folder");
    folder
}

fn launch(folder: &Path, script: &str) -> Launch {
    Launch {
        argv: ["sh", "-c", script].map(str::to_owned).into(),
        env: BTreeMap::from([(
            "PATH".to_owned(),
            "/usr/sbin:/usr/bin:/sbin:/bin".to_owned(),
        )]),
        cwd: PathBuf::from("/"),
        user: LaunchUser::Root,
        sandbox: Sandbox::default(),
        log: Some(folder.join("log")),
    }
}

fn start(
    kernel: &Kernel,
    folder: &Path,
    host: &str,
    script: &str,
    change: impl FnOnce(&mut Launch),
) -> Process {
    let mut launch = launch(folder, script);
    change(&mut launch);
    kernel.spawn(host, &launch).expect("it starts")
}

/// Runs a script to its end; answers what it wrote.
fn run(
    kernel: &Kernel,
    folder: &Path,
    host: &str,
    script: &str,
    change: impl FnOnce(&mut Launch),
) -> String {
    let process = start(kernel, folder, host, script, change);
    assert!(
        process.wait(END).expect("a wait"),
        "the script does not end: {}",
        log(folder)
    );
    log(folder)
}

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).expect("the log")
}

fn wait_for(folder: &Path, text: &str) {
    for _ in 0..200 {
        if log(folder).contains(text) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{text:?} does not come: {}", log(folder));
}
