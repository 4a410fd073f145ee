//! One gateway: its health, its machine, its services, its containers.

use super::{Sessions, act::Asked};
use crate::{
    feed,
    kit::{pill::Pill, spark::Spark, time::Ago},
};
use leptos::{html, prelude::*};
use viworks_api::{
    feed::Sample,
    gateway::{GatewayRow, GatewayState, GatewayTelemetry},
};
use viworks_domain::{
    Millis,
    gateway_bus::{Container, Machine, Service},
    ids::GatewayId,
};
use viworks_web_model::{
    format,
    gateways::{acts, health_word, line},
    load::{self, Freshness, Gauge},
    place::{self, Panel},
    words::{self, Tone},
};

#[component]
pub fn Card(
    row: ArcRwSignal<GatewayRow>,
    sessions: Sessions,
    may: Memo<bool>,
    asked: RwSignal<Option<Asked>>,
    /// The one to which somebody has just been led.
    marked: RwSignal<Option<GatewayId>>,
) -> impl IntoView {
    let feed = feed::expect();
    let id = row.with_untracked(|row| row.id);
    let said = Memo::new(move |_| feed.machines(id));
    let in_row = row.clone();
    let telemetry = Memo::new(move |_| {
        said.with(|said| said.telemetry.clone()).or_else(|| in_row.with(|row| row.telemetry.clone()))
    });
    let in_row = row.clone();
    let name = Memo::new(move |_| in_row.with(|row| row.name.clone()));
    let in_row = row.clone();
    let health = Memo::new(move |_| in_row.with(|row| row.health));
    let state = Memo::new(move |_| row.with(|row| row.state));
    let freshness =
        Memo::new(move |_| telemetry.with(|said| load::freshness(said.as_ref(), feed.now().get())));
    let is_stale = Memo::new(move |_| matches!(freshness.get(), Freshness::Stale { .. }));
    let services = Memo::new(move |_| {
        telemetry
            .with(|said| load::in_order(said.as_ref().map(|said| said.services.clone()).unwrap_or_default()))
    });
    let containers = Memo::new(move |_| {
        telemetry.with(|said| said.as_ref().map(|said| said.containers.clone()).unwrap_or_default())
    });
    let samples = Memo::new(move |_| said.with(|said| said.samples.clone()));
    let has_spoken = Memo::new(move |_| telemetry.with(Option::is_some));
    let is_marked = Memo::new(move |_| marked.get() == Some(id));
    let card = NodeRef::<html::Article>::new();
    Effect::new(move |_| {
        if let (Some(card), true) = (card.get(), is_marked.get()) {
            card.scroll_into_view();
        }
    });
    let heading = format!("gateway-{id}");
    view! {
        <li>
            <article
                node_ref=card
                class="card gateway"
                aria-labelledby=heading.clone()
                data-gateway=id.to_string()
                data-health=move || health_word(health.get())
                data-state=move || words::of(&state.get())
                data-stale=move || is_stale.get().then_some("")
                data-marked=move || is_marked.get().then_some("")
                on:animationend=move |_| marked.set(None)
            >
                <header>
                    <h2 id=heading.clone()>{move || name.get()}</h2>
                    // What is retired is not watched any more.
                    <Show when=move || state.get() != GatewayState::Retired>
                        <Pill
                            tone=Signal::derive(move || health.get().map_or(Tone::Quiet, words::health_tone))
                            text=Signal::derive(move || health.get().map_or("Never seen", words::health).to_owned())
                        />
                    </Show>
                    <Show when=move || state.get() != GatewayState::Enrolled>
                        <Pill
                            tone=Signal::derive(move || state_tone(state.get()))
                            text=Signal::derive(move || words::gateway_state(state.get()).to_owned())
                        />
                    </Show>
                    <Seen freshness />
                </header>
                <Show when=move || has_spoken.get()>
                    <Load telemetry samples freshness />
                    <Services services is_stale />
                    <Containers containers sessions is_stale />
                </Show>
                <footer>
                    <Through id sessions />
                    <Show when=move || may.get()>
                        <div class="acts">
                            <For each=move || acts(state.get()).to_vec() key=|act| act.word() let(act)>
                                <button
                                    type="button"
                                    class="button small"
                                    on:click=move |_| asked.set(Some(Asked { gateway: id, act }))
                                >
                                    {act.label()}
                                </button>
                            </For>
                        </div>
                    </Show>
                </footer>
            </article>
        </li>
    }
}

const fn state_tone(state: GatewayState) -> Tone {
    match state {
        GatewayState::Invited => Tone::Busy,
        GatewayState::Enrolled => Tone::Good,
        GatewayState::Draining => Tone::Warn,
        GatewayState::Retired => Tone::Quiet,
    }
}

/// When it spoke last, and a warning when that is too long ago.
#[component]
fn Seen(freshness: Memo<Freshness>) -> impl IntoView {
    let feed = feed::expect();
    let silent = move |at: Millis| format::duration(feed.now().get().since(at));
    view! {
        <p class="seen">
            {move || match freshness.get() {
                Freshness::Never => view! { "No word from it yet" }.into_any(),
                Freshness::Fresh { at } => view! { "Updated " <Ago at=Signal::stored(at) /> }.into_any(),
                Freshness::Stale { at } => view! {
                    <strong class="stale">"Stale: no word for " {move || silent(at)}</strong>
                }
                .into_any(),
            }}
        </p>
    }
}

/// Lines of the last minutes, and what goes through the network now.
#[component]
fn Load(
    telemetry: Memo<Option<GatewayTelemetry>>,
    samples: Memo<Vec<Sample>>,
    freshness: Memo<Freshness>,
) -> impl IntoView {
    let feed = feed::expect();
    // The lines end with the newest word, and go on without one when it stays away.
    let until = Memo::new(move |_| match freshness.get() {
        Freshness::Fresh { at } => at,
        Freshness::Stale { .. } | Freshness::Never => feed.now().get(),
    });
    let machine = Memo::new(move |_| telemetry.with(|said| said.as_ref().and_then(|said| said.machine)));
    let text = move |of: fn(&Machine) -> String| {
        move || machine.with(|machine| machine.as_ref().map_or_else(|| "–".into(), of))
    };
    let sparks = Gauge::ALL.map(|gauge| {
        let drawn = Memo::new(move |_| samples.with(|samples| line::draw(gauge, samples, until.get())));
        let text = Memo::new(move |_| {
            machine.with(|machine| machine.as_ref().map_or_else(|| "–".into(), |machine| gauge.text(machine)))
        });
        view! { <Spark name=gauge.word() label=gauge.label() drawn text /> }
    });
    view! {
        <div class="load">
            <h3>"Last 5 minutes"</h3>
            {sparks.collect_view()}
            <dl class="network">
                <div><dt>"Network in"</dt><dd>{text(|machine| format::rate(machine.network_in))}</dd></div>
                <div><dt>"Network out"</dt><dd>{text(|machine| format::rate(machine.network_out))}</dd></div>
            </dl>
        </div>
    }
}

#[component]
fn Services(services: Memo<Vec<Service>>, is_stale: Memo<bool>) -> impl IntoView {
    view! {
        <section hidden=move || services.with(Vec::is_empty)>
            <h3>{move || if is_stale.get() { "Services, as last heard" } else { "Services" }}</h3>
            <ul class="services">
                <For each=move || services.get() key=|service| (service.name.clone(), service.up) let(service)>
                    <li data-service=service.name.clone() data-state=if service.up { "up" } else { "down" }>
                        <Pill
                            tone=Signal::stored(if service.up { Tone::Good } else { Tone::Bad })
                            text=Signal::stored(format!(
                                "{} {}",
                                words::service(&service.name),
                                if service.up { "up" } else { "down" },
                            ))
                        />
                    </li>
                </For>
            </ul>
        </section>
    }
}

#[component]
fn Containers(containers: Memo<Vec<Container>>, sessions: Sessions, is_stale: Memo<bool>) -> impl IntoView {
    let count = move || containers.with(Vec::len);
    let key = |container: &Container| (container.name.clone(), container.image.clone(), container.running);
    view! {
        <section>
            <h3>
                {move || if is_stale.get() { "Containers, as last heard " } else { "Containers " }}
                <span class="count">{count}</span>
            </h3>
            <ul class="containers" hidden=move || count() == 0>
                <For each=move || containers.get() key=key let(container)>
                    <Line container sessions />
                </For>
            </ul>
            <p class="faint" hidden=move || { count() > 0 }>"None runs. Each session gets its own."</p>
        </section>
    }
}

#[component]
fn Line(container: Container, sessions: Sessions) -> impl IntoView {
    let Container { name, image, running, session } = container;
    let whose = Memo::new(move |_| sessions.known.with(|all| all.get(&session)?.username.clone()));
    let panel = place::address("/gateways", &[(place::PANEL, &Panel::Session(session).to_string())]);
    let (tone, text) = if running { (Tone::Good, "running") } else { (Tone::Quiet, "stopped") };
    view! {
        <li data-container=name.clone() data-session=session.to_string() data-state=text>
            <a href=panel>{move || whose.get().unwrap_or_else(|| "Session".into())}</a>
            <span class="image">{load::image(&image)}</span>
            <Pill tone=Signal::stored(tone) text=Signal::stored(text.to_owned()) />
            <span class="container-name">{name.clone()}</span>
        </li>
    }
}

/// How many sessions go through it, and the way to them.
#[component]
fn Through(id: GatewayId, sessions: Sessions) -> impl IntoView {
    let through = Memo::new(move |_| sessions.through(id));
    let list = place::address("/sessions", &[("gateway", &id.to_string())]);
    view! { <a class="through" href=list>{move || through.get().text()}</a> }
}
