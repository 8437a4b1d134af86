//! A containerd with CRI, private to a test: it meets no other in any folder, socket, bridge or name.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{self, Child, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use prost::Message;
use tempfile::TempDir;

use super::{
    clean,
    client::Client,
    images::{Archive, Image, try_output},
    messages::{Empty, Id, ImageStatusRequest, ImageStatusResponse, List, StatusResponse},
    runtime,
};
use crate::{
    cgroup::Cgroup,
    mounts::unmount_below,
    namespace::send,
    needs::{Kernel, skip},
    program::find,
    wait,
};

/// How long an answer may take that waits for no container.
pub(crate) const ANSWER: Duration = Duration::from_mins(1);
/// Where Debian puts the plugins of CNI.
const CNI: &str = "/usr/lib/cni";
const NAMESPACE: &str = "k8s.io";

/// A running containerd. Dropping it ends all that it runs, and it.
#[derive(Debug)]
pub struct Containerd {
    dir: TempDir,
    child: Mutex<Child>,
    client: Client,
    /// What makes its containers.
    runtime: PathBuf,
    /// Other than that of any other that runs.
    number: u32,
    uids: Mutex<Vec<String>>,
}

impl Containerd {
    /// Starts one and waits until it takes pods. `None`, with the reason printed, where that cannot be.
    pub fn start() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        Kernel::ready()?;
        let runtime = runtime::ready()?;
        for program in ["containerd", "ctr", "busybox", "tini", "dumb-init"] {
            if find(program).is_none() {
                skip(&format!(
                    "needs {program}; `cargo xtask setup --tests` installs it"
                ));
                return None;
            }
        }
        if !Path::new(CNI).join("bridge").is_file() {
            skip("needs the plugins of CNI; `cargo xtask setup --tests` installs them");
            return None;
        }
        let dir = TempDir::new().unwrap();
        let number = process::id() << 4 | COUNT.fetch_add(1, Ordering::Relaxed) & 0xf;
        configure(dir.path(), number, &runtime);
        let containerd = Self {
            child: Mutex::new(spawn(dir.path())),
            client: Client::of(&dir.path().join("containerd.sock")),
            dir,
            runtime,
            number,
            uids: Mutex::default(),
        };
        containerd.wait_until_ready();
        let images = containerd.folder("images");
        containerd.import(&Archive::of_programs(&images), Image::Pause);
        Some(containerd)
    }

    /// For `--cri-socket`.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("containerd.sock")
    }

    /// Makes an image of `rinit-trace`, which must be static.
    pub fn import_rinit_trace(&self, program: &Path) {
        let archive = Archive::of_rinit_trace(&self.folder("rinit-trace"), program);
        self.import(&archive, Image::RinitTrace);
    }

    /// Ends it as its service manager does, and starts it again. Containers run on.
    pub fn restart(&self) {
        let mut child = self.child.lock().unwrap();
        send(child.id(), libc::SIGTERM);
        wait::until("containerd ends", || child.try_wait().unwrap());
        *child = spawn(self.dir.path());
        drop(child);
        self.wait_until_ready();
    }

    /// How many containers and sandboxes it knows.
    pub fn count(&self) -> (usize, usize) {
        let list = |method| -> List { self.call(method, Empty {}) };
        (
            list("RuntimeService/ListContainers").items.len(),
            list("RuntimeService/ListPodSandbox").items.len(),
        )
    }

    /// The program that makes its containers, such as runc.
    pub fn runtime(&self) -> &Path {
        &self.runtime
    }

    /// Whether that program kills a container through `cgroup.kill`: it knows the file, and the cgroup of this process of
    /// the container has it.
    pub fn uses_cgroup_kill(&self, pid: u32) -> bool {
        let name = "cgroup.kill";
        let program = fs::read(&self.runtime).unwrap();
        let mut parts = program.windows(name.len());
        parts.any(|part| part == name.as_bytes()) && Cgroup::has_file(pid, name)
    }

    /// Runs `ctr` to its end, which must be a good one.
    pub(crate) fn ctr(&self, arguments: &[&str]) -> String {
        self.try_ctr(arguments)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same, which may fail.
    pub(crate) fn try_ctr(&self, arguments: &[&str]) -> Result<String, String> {
        let mut ctr = Command::new("ctr");
        ctr.arg("-a").arg(self.socket()).args(["-n", NAMESPACE]);
        try_output(ctr.args(arguments))
    }

    /// The folder with the files of the images.
    pub(crate) fn programs(&self) -> PathBuf {
        self.dir.path().join("images/programs")
    }

    /// Its own text about what it did, for a test that failed.
    fn log(&self) -> String {
        let text = fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
        let from = text.len().saturating_sub(4000);
        String::from_utf8_lossy(&text.as_bytes()[from..]).into_owned()
    }

    /// A folder of its own for someone.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let folder = self.dir.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// A uid for a pod, which no other pod on this machine has.
    pub(crate) fn new_uid(&self) -> String {
        let mut uids = self.uids.lock().unwrap();
        let uid = format!("{:08x}-0000-4000-8000-{:012x}", self.number, uids.len());
        uids.push(uid.clone());
        uid
    }

    /// Asks for something that must succeed.
    pub(crate) fn call<Q, A>(&self, method: &str, request: Q) -> A
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        self.try_call(method, request, ANSWER)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Asks for something that may fail.
    pub(crate) fn try_call<Q, A>(
        &self,
        method: &str,
        request: Q,
        time: Duration,
    ) -> Result<A, String>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        self.client.call(method, request, time)
    }

    /// The same by one who may have gone before there is an answer.
    pub(crate) fn try_call_until<Q, A>(
        &self,
        method: &str,
        request: Q,
        has_gone: impl Fn() -> bool,
    ) -> Result<A, String>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        self.client.call_until(method, request, ANSWER, has_gone)
    }

    fn wait_until_ready(&self) {
        let look = Duration::from_secs(1);
        wait::until("containerd and its network are ready", || {
            let method = "RuntimeService/Status";
            let told: StatusResponse = self.try_call(method, Empty {}, look).ok()?;
            let conditions = told.status?.conditions;
            (!conditions.is_empty() && conditions.iter().all(|one| one.status)).then_some(())
        });
    }

    /// Imports images, and waits until CRI knows one of them.
    fn import(&self, archive: &Archive, one: Image) {
        let archive = archive.path().display().to_string();
        let snapshotter = runtime::snapshotter();
        self.ctr(&["images", "import", "--snapshotter", snapshotter, &archive]);
        wait::until("CRI knows the image", || {
            let image = super::messages::Image {
                image: one.reference(),
            };
            let request = ImageStatusRequest { image: Some(image) };
            let method = "ImageService/ImageStatus";
            let told: ImageStatusResponse = self.call(method, request);
            told.image
        });
    }

    /// Removes sandboxes with all that is in them.
    fn remove_pods(&self) -> Result<(), String> {
        let method = "RuntimeService/ListPodSandbox";
        let pods: List = self.try_call(method, Empty {}, ANSWER)?;
        for Id { id } in pods.items {
            for method in ["StopPodSandbox", "RemovePodSandbox"] {
                let method = format!("RuntimeService/{method}");
                self.try_call::<_, Empty>(&method, Id { id: id.clone() }, ANSWER)?;
            }
        }
        Ok(())
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("end of containerd's log:\n{}", self.log());
        }
        // What it does not end is ended below.
        if let Err(error) = self.remove_pods() {
            eprintln!("containerd does not remove the pods: {error}");
        }
        let uids = self.uids.get_mut().map(std::mem::take).unwrap_or_default();
        clean::kill_pods(&uids);
        if let Ok(child) = self.child.get_mut() {
            clean::end(child);
        }
        clean::shims(&self.dir.path().join("containerd.sock"));
        unmount_below(self.dir.path());
        clean::bridge(&bridge(self.number));
        clean::cgroups(&uids);
    }
}

fn spawn(dir: &Path) -> Child {
    let mut append = File::options();
    append.create(true).append(true);
    let log = append.open(dir.join("log")).unwrap();
    let mut command = Command::new("containerd");
    command
        .arg("--config")
        .arg(dir.join("config.toml"))
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log);
    command
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"))
}

/// At most 15 bytes.
fn bridge(number: u32) -> String {
    format!("rtt{number:x}")
}

/// Writes the configuration: no folder of the system's, no network but a bridge of its own.
fn configure(dir: &Path, number: u32, runtime: &Path) {
    let (shown, runtime) = (dir.display(), runtime.display());
    let snapshotter = runtime::snapshotter();
    let pause = Image::Pause.reference();
    let config = format!(
        r#"version = 2
root = "{shown}/root"
state = "{shown}/state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
  address = "{shown}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  # A pause container wants less than what a machine without CAP_SYS_RESOURCE allows.
  restrict_oom_score_adj = true
  sandbox_image = "{pause}"
  stream_server_address = "127.0.0.1"
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{CNI}"
    conf_dir = "{shown}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{snapshotter}"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
    BinaryName = "{runtime}"
"#
    );
    fs::write(dir.join("config.toml"), config).unwrap();
    let (high, low) = (number >> 8 & 0x3f | 0x40, number & 0xff);
    let network = serde_json::json!({
        "cniVersion": "0.4.0",
        "name": bridge(number),
        "plugins": [{
            "type": "bridge",
            "bridge": bridge(number),
            "isGateway": true,
            "ipMasq": false,
            "ipam": {
                "type": "host-local",
                "dataDir": dir.join("addresses"),
                "ranges": [[{"subnet": format!("10.{high}.{low}.0/24")}]],
            },
        }],
    });
    fs::create_dir(dir.join("cni")).unwrap();
    fs::write(dir.join("cni/10-test.conflist"), network.to_string()).unwrap();
}
