// One stream of server-sent events that is told when it is lost. EventSource
// reconnects by itself after a break, but not after an answer that is no
// stream (a proxy's 502 during a restart): then a new one is opened.
export function listen(url, handlers, status = () => {}) {
  let source;
  let lostSince = 0;
  const open = () => {
    source = new EventSource(url);
    source.onopen = () => {
      lostSince = 0;
      status(0);
    };
    source.onerror = () => {
      lostSince ||= Date.now();
      if (source.readyState === EventSource.CLOSED) setTimeout(open, 3000);
    };
    for (const [kind, handle] of Object.entries(handlers)) {
      source.addEventListener(kind, (event) => handle(event.data ? JSON.parse(event.data) : {}));
    }
  };
  open();
  setInterval(() => {
    if (lostSince) status(Date.now() - lostSince);
  }, 1000);
}
