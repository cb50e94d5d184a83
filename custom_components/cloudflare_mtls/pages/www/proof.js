const at = (id) => document.getElementById(id);

const tell = (message, good) => {
  at("result").className = good ? "good" : "bad";
  at("result").textContent = message;
  at("result").hidden = false;
  at("result").focus();
};

// Home Assistant refuses with JSON, and Cloudflare with a page.
const isBlockPage = ({ status, headers }) => status === 403 && headers.get("content-type")?.startsWith("text/html");

at("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  at("test").disabled = true;
  at("result").hidden = true;
  try {
    const answer = await fetch(location.pathname, { method: "POST", body: location.hash.slice(1) });
    if (isBlockPage(answer)) tell(at("result").dataset.blocked, false);
    else {
      const { message } = await answer.json();
      tell(message, answer.ok);
      at("form").hidden = answer.ok;
    }
  } catch {
    tell(at("result").dataset.unanswered, false);
  }
  at("test").disabled = false;
});
