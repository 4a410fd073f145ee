//! `runner`: executes what the allow-list names, argv only. It holds no key of its own (OpenVPN's it only puts
//! where OpenVPN's user reads it) and reads nothing from the network.
//!
//! It is root without most of root's powers: the container engine needs the rest. OpenVPN, nginx and the
//! containers survive its death and are adopted by the next one.

mod containers;
mod files;
mod process;
pub mod scripts;
mod turns;
mod vpn;
mod web;

use crate::{
    config::{Checked, Config, Places},
    frames::{FromRunner, ToChild, ToRunner},
    identity::{Enrolment, NotEnrolled},
    link::{self, Link, LinkError},
    privileges,
};
use caps::Capability;
use std::{io, os::fd::AsFd, path::Path, rc::Rc, time::Duration};
use tokio::sync::mpsc;

#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    #[error("the parent did not say what to do")]
    Link(#[from] LinkError),
    #[error(transparent)]
    Config(#[from] crate::config::BadConfig),
    #[error(transparent)]
    NotEnrolled(#[from] NotEnrolled),
    #[error(transparent)]
    Powers(#[from] privileges::CannotDrop),
    #[error("the operating system refused")]
    Io(#[from] io::Error),
}

/// What a container engine run by root needs, and what starting programs as other users needs. Not among it:
/// loading modules, tracing, raw packets, raw I/O, setting the clock, rebooting.
const POWERS: [Capability; 14] = [
    Capability::CAP_CHOWN,
    Capability::CAP_DAC_OVERRIDE,
    Capability::CAP_FOWNER,
    Capability::CAP_FSETID,
    Capability::CAP_KILL,
    Capability::CAP_MKNOD,
    Capability::CAP_NET_ADMIN,
    Capability::CAP_NET_BIND_SERVICE,
    Capability::CAP_SETFCAP,
    Capability::CAP_SETGID,
    Capability::CAP_SETPCAP,
    Capability::CAP_SETUID,
    Capability::CAP_SYS_ADMIN,
    Capability::CAP_SYS_CHROOT,
];

/// How often the states of what runs are told.
const TELLS: Duration = Duration::from_secs(2);

/// # Errors
/// Whatever keeps it from starting. It ends when the parent does.
pub fn run(state: &Path) -> Result<(), RunnerError> {
    let stdin = io::stdin().as_fd().try_clone_to_owned()?;
    let (ToChild::Runner, _) = link::recv_with_fds::<ToChild>(&stdin)? else {
        return Err(LinkError::NotAFrame.into());
    };
    privileges::become_user(0, 0, &POWERS, true)?;
    privileges::die_with_parent()?;
    let places = Places::new(state);
    let checked = Config::read(&places.config(), state)?;
    let enrolment = Enrolment::read(&places)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async { serve(Link::new(stdin)?, places, checked, enrolment).await })
}

/// What is done with its answers: a `control` that came later did not ask.
#[derive(Clone)]
struct Answers {
    asker: u64,
    channel: mpsc::UnboundedSender<(u64, FromRunner)>,
}

impl Answers {
    fn give(&self, answer: FromRunner) {
        let _ = self.channel.send((self.asker, answer));
    }
}

async fn serve(
    parent: Link,
    places: Places,
    checked: Checked,
    enrolment: Enrolment,
) -> Result<(), RunnerError> {
    let gateway = enrolment.response.gateway;
    let vpn = tokio::task::spawn_local(vpn::keep(places.clone(), checked.clone(), enrolment));
    let web = tokio::task::spawn_local(web::keep(places.clone(), checked.clone()));
    let (ended, mut gone) = mpsc::unbounded_channel();
    let containers = Rc::new(containers::Containers::new(&places, &checked, gateway, ended));
    containers.adopt().await;
    let scripts = Rc::new(scripts::Scripts::new(&places, &checked));
    let (channel, mut answered) = mpsc::unbounded_channel();
    let mut asker = 0;
    let mut control: Option<Link> = None;
    let mut tells = tokio::time::interval(TELLS);
    tells.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let said = tokio::select! {
            said = parent.recv_with_fds::<ToChild>() => match said {
                Ok((ToChild::Peer(_), fds)) => {
                    let Some(fd) = fds.into_iter().next() else { continue };
                    asker += 1;
                    control = Some(Link::new(fd)?);
                    FromRunner::Hello { containers: containers.running() }
                }
                Ok((ToChild::Stop, _)) => break,
                // No word of stopping: what runs stays, for the next runner.
                Err(LinkError::Gone) => return Ok(()),
                Ok(_) => return Err(LinkError::NotAFrame.into()),
                Err(error) => return Err(error.into()),
            },
            asked = asked(control.as_ref()) => {
                match asked {
                    Ok(ask) => obey(ask, &containers, &scripts, Answers { asker, channel: channel.clone() }),
                    Err(error) => {
                        tracing::warn!(%error, "control is gone");
                        control = None;
                    }
                }
                continue;
            }
            Some((whose, answer)) = answered.recv() => {
                if whose != asker {
                    continue;
                }
                answer
            }
            Some(session) = gone.recv() => FromRunner::ContainerGone { session },
            _ = tells.tick() => {
                let engine = Rc::clone(&containers);
                tokio::task::spawn_local(async move { engine.ask_again().await });
                FromRunner::Services(vec![vpn::service(&places), web::service(&places), containers.service()])
            }
        };
        if let Some(link) = &control
            && link.send(&said).await.is_err()
        {
            control = None;
        }
    }
    vpn.abort();
    web.abort();
    let (vpn, web) = (vpn::pid_file(&places), web::pid_file(&places));
    tokio::join!(process::end(&vpn), process::end(&web), containers.end_all());
    Ok(())
}

async fn asked(control: Option<&Link>) -> Result<ToRunner, LinkError> {
    match control {
        Some(link) => link.recv().await,
        None => std::future::pending().await,
    }
}

/// At once: each does its work in a task of its own, the work of one session or user in its order.
fn obey(
    ask: ToRunner,
    containers: &Rc<containers::Containers>,
    scripts: &Rc<scripts::Scripts>,
    answers: Answers,
) {
    let (containers, scripts) = (Rc::clone(containers), Rc::clone(scripts));
    tokio::task::spawn_local(async move {
        answers.give(match ask {
            ToRunner::StartContainer { ticket, session, image } => {
                FromRunner::Done { ticket, ok: containers.start(session, &image).await }
            }
            ToRunner::KillContainer { ticket, session } => {
                FromRunner::Done { ticket, ok: containers.kill(session).await }
            }
            ToRunner::RunScript { ticket, step } => {
                FromRunner::ScriptEnded { ticket, result: scripts.run(&step).await }
            }
        });
    });
}
