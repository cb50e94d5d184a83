const at = (id) => document.getElementById(id);

// Either a token, or "code." and an offer's id, to which the code is added.
const secret = location.hash.slice(1);
const needsCode = secret.startsWith("code.");
at("ask").hidden = !needsCode;
at("code").required = needsCode;
at("unencrypted").hidden = location.protocol === "https:";
// A link that differs only in its fragment does not load the page again.
addEventListener("hashchange", () => location.reload());

const ask = async (body) => {
  const answer = await fetch(location.pathname, { method: "POST", body });
  const content = await answer.json();
  if (answer.ok) return content;
  at("failed").textContent = content.message;
  // Nobody can download anything with this link any more.
  at("intro").hidden = at("form").hidden = answer.status === 404;
};

if (history.state === "downloaded") {
  at("failed").textContent = at("failed").dataset.loadedAgain;
  at("intro").hidden = at("form").hidden = true;
} else {
  // Without an answer, the button says so.
  ask(`look.${secret}`).catch(() => {});
}

at("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  at("get").disabled = true;
  at("failed").textContent = "";
  const code = at("code").value.replace(/\D/g, "");
  try {
    const content = await ask(needsCode ? `${secret}.${code}` : secret);
    if (content) show(content);
    else at("failed").focus();
  } catch {
    at("failed").textContent = at("failed").dataset.unanswered;
    at("failed").focus();
  }
  at("get").disabled = false;
});

const show = (content) => {
  // From now on this page holds the only copy of the password, and of the file until it is saved.
  addEventListener("beforeunload", (event) => event.preventDefault());
  // Without the link, and with what is said once the page is loaded again.
  history.replaceState("downloaded", "", location.pathname);
  const address = content.hostname && `https://${content.hostname}`;
  for (const place of document.querySelectorAll("[data-fill]")) {
    place.textContent = { label: content.label, address }[place.dataset.fill] || place.textContent;
  }
  for (const part of content.password.match(/.{1,4}/g)) {
    const span = Object.assign(document.createElement("span"), { textContent: part });
    at("password").append(span, document.createElement("wbr"));
  }
  showGuide(content.system);
  showTest(content);
  showHostnames(content.hostnames);
  at("copy").addEventListener("click", () => copy(content.password));
  const [advised, other] = content.bundles;
  at("again").addEventListener("click", () => save(advised, content.system));
  at("other").addEventListener("click", () => save(other, content.system));
  at("before").hidden = true;
  at("after").hidden = false;
  at("saved").focus();
  save(advised, content.system);
};

const showGuide = (system) => {
  const folded = at("guides").querySelector(`[data-system="${system}"]`);
  at("system").textContent = folded.querySelector("summary").textContent;
  at("guide").append(folded.querySelector("div"));
  folded.remove();
};

const showTest = ({ system, test_url: url }) => {
  if (!url) return;
  // On iOS only the app has the certificate, so only the app can open the test.
  const inApp = system === "ios";
  const { pathname, hash } = new URL(url);
  at("test-link").href = inApp ? `homeassistant://navigate${pathname}${hash}` : url;
  // The password cannot be shown again, so this page must stay open.
  if (!inApp) at("test-link").target = "_blank";
  at("in-app").hidden = !inApp;
  at("in-browser").hidden = inApp;
  at("tests").hidden = false;
};

const showHostnames = (hostnames) => {
  for (const hostname of hostnames) {
    at("hostnames").append(Object.assign(document.createElement("li"), { textContent: hostname }));
  }
  at("opens").hidden = hostnames.length === 0;
};

const save = (bundle, system) => {
  const bytes = Uint8Array.from(atob(bundle.data), (char) => char.charCodeAt(0));
  // Android installs this type; iOS would take the file for a profile.
  const type = system === "ios" ? "application/octet-stream" : "application/x-pkcs12";
  const link = Object.assign(document.createElement("a"), {
    href: URL.createObjectURL(new Blob([bytes], { type })),
    download: bundle.filename,
  });
  document.body.append(link);
  link.click();
  link.remove();
  // The companion apps fetch the blob some time after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), 120000);
};

const copy = async (password) => {
  const { copied, selected } = at("copy").dataset;
  try {
    await navigator.clipboard.writeText(password);
    at("copy").textContent = copied;
  } catch {
    // Browsers give pages no clipboard over HTTP, as on most home networks.
    getSelection().selectAllChildren(at("password"));
    at("copy").textContent = document.execCommand("copy") ? copied : selected;
  }
};
