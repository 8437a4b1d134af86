//! Runs planned pods, several at a time.

use std::{
    fs, process,
    sync::{Mutex, atomic::AtomicU32, atomic::Ordering},
    thread,
};

use rinit_trace_tests::{Containerd, Pod};

use crate::plans::{Before, Expected, Plan};

const AT_A_TIME: usize = 4;

/// A container that has been stopped and removed.
#[derive(Debug)]
pub(crate) struct Gone {
    pub(crate) id: String,
    pub(crate) pod: String,
    pub(crate) uid: String,
    pub(crate) expected: Expected,
}

/// What is left of pods: their names.
#[derive(Debug, Default)]
pub(crate) struct AllGone {
    pub(crate) containers: Vec<Gone>,
    pub(crate) sandboxes: Vec<String>,
}

/// A namespace of Kubernetes that no other test has.
pub(crate) fn new_namespace() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("shop-{}-{count}", process::id())
}

/// Runs and deletes pods.
pub(crate) fn run_all(containerd: &Containerd, plans: &[Plan]) -> AllGone {
    let gone = Mutex::new(AllGone::default());
    let left = Mutex::new(plans.iter());
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let Some(plan) = left.lock().unwrap().next() else {
                        break;
                    };
                    run(containerd, plan, &gone);
                }
            });
        }
    });
    gone.into_inner().unwrap()
}

fn run(containerd: &Containerd, plan: &Plan, gone: &Mutex<AllGone>) {
    let pod = Pod::run(containerd, &plan.spec);
    let container = plan.expected[0].container;
    match plan.before {
        Before::Nothing => {}
        Before::Ends => {
            pod.ended(container);
        }
        Before::EndsWhenTold => {
            let told = format!("/proc/{}/root/go", pod.pid(container));
            fs::write(told, "\n").unwrap();
            pod.ended(container);
        }
        Before::Exec => {
            let leave = "setsid sleep 1000 </dev/null >/dev/null 2>&1 &";
            assert_eq!(pod.exec(container, &["/bin/sh", "-c", leave]), 0);
        }
    }
    {
        let mut gone = gone.lock().unwrap();
        gone.sandboxes.push(pod.sandbox().to_owned());
        for expected in &plan.expected {
            gone.containers.push(Gone {
                id: pod.id(expected.container).to_owned(),
                pod: pod.name().to_owned(),
                uid: pod.uid().to_owned(),
                expected: *expected,
            });
        }
    }
    pod.delete(plan.grace);
}
