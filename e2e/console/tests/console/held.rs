//! Between the feed and the screen: holds back what the server sends, or what the browser would draw, for as long as
//! a test looks at the page that does not have it yet.

use crate::{
    browser::Browser,
    failure::{Done, ensure},
};
use serde_json::{Value, json};

/// In every new page, before its own scripts. Frames are read as far as postcard writes `api::feed::Frame`: which one
/// it is, and the numbers that follow. Deltas (2: from, to) and heads (3: to) are what brings the page forward, and
/// wait; the others say that the feed lives.
const HOLD: &str = "
(() => {
  const hold = window.hold = {frames: false, drawing: false, heard: 0, opened: 0, answered: [], socket: null};
  const waiting = [], undrawn = [];
  const numbers = (bytes, count) => {
    const read = [];
    for (let at = 1; read.length < count; ) {
      let number = 0, place = 1;
      do { number += (bytes[at] & 127) * place; place *= 128; } while (bytes[at++] & 128);
      read.push(number);
    }
    return read;
  };
  const own = Object.getOwnPropertyDescriptor(WebSocket.prototype, 'onmessage');
  Object.defineProperty(WebSocket.prototype, 'onmessage', {
    ...own,
    set(hear) {
      const socket = this;
      if (hear) { hold.opened += 1; hold.socket = socket; }
      own.set.call(socket, hear && (event => {
        const bytes = new Uint8Array(event.data), [kind] = bytes;
        const to = kind === 2 ? numbers(bytes, 2)[1] : kind === 3 ? numbers(bytes, 1)[0] : 0;
        hold.heard = Math.max(hold.heard, to);
        hold.frames && to ? waiting.push({socket, pass: () => hear.call(socket, event)}) : hear.call(socket, event);
      }));
    },
  });
  const draw = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = frame => hold.drawing ? undrawn.push(frame) : draw(frame);
  hold.letGo = () => {
    hold.frames = hold.drawing = false;
    // A socket that has been given up hears nothing any more.
    for (const {socket, pass} of waiting.splice(0)) if (socket.onmessage) pass();
    undrawn.splice(0).forEach(frame => draw(frame));
  };
  const ask = window.fetch.bind(window);
  window.fetch = async (...asked) => {
    const answer = await ask(...asked);
    hold.answered.push(new URL(answer.url).pathname);
    return answer;
  };
  // Two frames later whoever had an answer has done what follows from it.
  hold.settled = done => draw(() => draw(() => done(true)));
})()";

/// To be called before the page is loaded.
pub async fn prepare(browser: &Browser) -> Done {
    browser.on_every_page(HOLD).await
}

/// From now on the page hears nothing new, and its questions are looked at ([`answered`]).
pub async fn frames(browser: &Browser) -> Done {
    browser.run("hold.frames = true; hold.answered = []", &[]).await.map(drop)
}

/// From now on nothing that the page hears is drawn.
pub async fn drawing(browser: &Browser) -> Done {
    browser.run("hold.drawing = true", &[]).await.map(drop)
}

pub async fn let_go(browser: &Browser) -> Done {
    browser.run("hold.letGo()", &[]).await.map(drop)
}

/// The page says what no server of this version reads.
pub async fn says_nonsense(browser: &Browser) -> Done {
    browser.run("hold.socket.send(new Uint8Array(8).fill(255))", &[]).await.map(drop)
}

/// Until everything up to there has come in, drawn or not.
pub async fn heard(browser: &Browser, seq: u64) -> Done {
    let script = "return hold.heard >= arguments[0]";
    browser.until(&format!("everything up to {seq} to come in"), script, &[json!(seq)]).await.map(drop)
}

/// Until the page's socket is closed, and not only given up.
pub async fn closed(browser: &Browser) -> Done {
    let script = "return hold.socket?.readyState === WebSocket.CLOSED";
    browser.until("the feed to be closed", script, &[]).await.map(drop)
}

/// How many feeds the page has opened.
pub async fn opened(browser: &Browser) -> Done<u64> {
    Ok(browser.run("return hold.opened", &[]).await?.as_u64().unwrap_or_default())
}

/// Until the page has the answer to what it asked there since [`frames`], and has had the time to make something of it.
pub async fn answered(browser: &Browser, path: &str) -> Done {
    let script = "return hold.answered.includes(arguments[0])";
    browser.until(&format!("an answer of {path}"), script, &[json!(path)]).await?;
    let settled = browser.run_async("hold.settled(arguments[0])", &[]).await?;
    ensure!(settled == Value::Bool(true), "the page does not draw any more");
    Ok(())
}
