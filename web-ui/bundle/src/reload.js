// Only while somebody works on the console (`cargo xtask web`): the page's hashed names tell one build from another.
{
  const page = async () => (await fetch("/", { cache: "no-store" })).text();
  const first = page();
  setInterval(async () => {
    // A server that is just being restarted is asked again a second later.
    const now = await page().catch(() => null);
    if (now !== null && now !== (await first.catch(() => now))) location.reload();
  }, 1000);
}
