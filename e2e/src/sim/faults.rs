//! What goes wrong, and when.

use super::{
    fixtures::START,
    world::{Event, World},
};
use viworks_domain::enforcer::Input;

pub(super) enum Fault {
    Worker(usize),
    Runner(usize),
    Agent(usize),
    PowerCut(usize),
    /// The agent is away from the bus for so many milliseconds.
    Partition(usize, u64),
    /// The agent's wall clock is off by so much.
    Clock(usize, i64),
    Edge(usize),
    OpenVpn(usize),
    LoseClocks(usize),
    WorkerClock(usize, i64),
}

impl World {
    pub(super) fn schedule_faults(&mut self, long: bool) {
        let span = self.calm_from - START;
        for _ in 0..self.rng.between(2, 14) {
            let agent = self.rng.below(self.agents.len() as u64) as usize;
            let fault = match self.rng.below(12) {
                0 | 1 => Fault::Worker(self.rng.below(2) as usize),
                2 | 3 => Fault::Runner(self.rng.below(self.runners.len() as u64) as usize),
                4 => Fault::Agent(agent),
                5 => Fault::PowerCut(agent),
                6 => Fault::Partition(agent, self.rng.between(1_000, 120_000)),
                7 => {
                    let hour = 3_600_000;
                    Fault::Clock(agent, self.rng.between(0, 2 * hour) as i64 - hour as i64)
                }
                8 => Fault::Edge(agent),
                9 => Fault::OpenVpn(agent),
                10 => Fault::LoseClocks(self.rng.below(self.runners.len() as u64) as usize),
                _ => {
                    Fault::WorkerClock(self.rng.below(2) as usize, self.rng.between(0, 2_000) as i64 - 1_000)
                }
            };
            let when = START + self.rng.between(8_000, span);
            self.at(when, Event::Fault(fault));
        }
        if long {
            let agent = self.rng.below(self.agents.len() as u64) as usize;
            let when = START + self.rng.between(60_000, 300_000);
            self.at(when, Event::Fault(Fault::Partition(agent, 3_600_000)));
        }
    }

    pub(super) fn fail(&mut self, fault: Fault) {
        match fault {
            Fault::Worker(worker) => {
                self.workers[worker].crash();
                let delay = self.rng.between(100, 15_000);
                self.after(delay, Event::StartWorker { worker });
                self.tell(|| format!("worker {worker} crashes"));
            }
            Fault::Runner(runner) => {
                self.crash_runner(runner);
                self.tell(|| format!("process {runner} crashes"));
            }
            Fault::Agent(agent) => self.crash_agent(agent),
            Fault::PowerCut(agent) => {
                self.crash_agent(agent);
                let now = self.now;
                self.agents[agent].power_cut(now);
                self.tell(|| format!("agent {agent}: power cut"));
            }
            Fault::Partition(agent, length) => {
                let until = (self.now + length).min(self.calm_from);
                self.agents[agent].partitioned_until = until;
                self.tell(|| format!("agent {agent} is away for {length} ms"));
            }
            Fault::Clock(agent, skew) => {
                self.agents[agent].skew = skew;
                // Somebody notices.
                let delay = self.rng.between(1_000, 120_000);
                self.tell(|| format!("agent {agent}: clock off by {skew} ms"));
                if skew != 0 {
                    self.after(delay, Event::Fault(Fault::Clock(agent, 0)));
                }
            }
            Fault::Edge(agent) => {
                self.agents[agent].os.tls.clear();
                self.agents[agent].os.keys.clear();
                let life = self.agents[agent].life;
                self.tell(|| format!("agent {agent}: the edge crashes"));
                self.agent_input(agent, life, Input::EdgeLost);
                // What it carried is gone with it.
                let clients: Vec<u64> = self.agents[agent].os.clients.keys().copied().collect();
                for cid in clients {
                    self.drop_client(agent, cid);
                }
                self.after(1_500, Event::Input { agent, life, input: Box::new(Input::EdgeBack) });
            }
            Fault::OpenVpn(agent) => {
                let life = self.agents[agent].life;
                self.tell(|| format!("agent {agent}: OpenVPN restarts"));
                self.agents[agent].os.clients.clear();
                self.agent_input(agent, life, Input::VpnLost);
                let back = Input::VpnBack { clients: vec![] };
                self.after(1_200, Event::Input { agent, life, input: Box::new(back) });
            }
            Fault::LoseClocks(runner) => {
                self.runners[runner].lose_clocks();
                self.tell(|| format!("process {runner}: every schedule is lost"));
            }
            Fault::WorkerClock(worker, skew) => self.workers[worker].skew = skew,
        }
    }

    /// The control process dies. OpenVPN drops its clients, or hangs on to them.
    pub(super) fn crash_agent(&mut self, agent: usize) {
        if self.agents[agent].enforcer.is_none() {
            return;
        }
        self.agents[agent].crash();
        if self.rng.permille(500) {
            self.agents[agent].os.clients.clear();
        }
        let delay = self.rng.between(300, 90_000);
        self.after(delay, Event::StartAgent { agent });
        self.tell(|| format!("agent {agent} crashes for {delay} ms"));
    }
}
