// What the console does better with a script; without it, pages are reloaded instead.
"use strict";

let source = null;
let refreshing = false;
let again = false;

document.addEventListener("DOMContentLoaded", () => {
    addCopyButtons(document);
    follow();
    takeLink();
});
addEventListener("hashchange", takeLink);
document.addEventListener("visibilitychange", follow);
// A page that the browser kept may be an old picture of what has changed since.
window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
});

// Follows what the page is about, and draws anew those parts that carry data-fresh.
function follow() {
    // A browser has few connections for one server: a page that nobody sees holds none.
    const address = document.hidden ? undefined : document.querySelector("main")?.dataset.live;
    if (source?.address === address) return;
    source?.stream.close();
    source = null;
    if (!address) return;
    const stream = new EventSource(address);
    stream.addEventListener("changed", refresh);
    source = { address, stream };
}

async function refresh() {
    if (refreshing) {
        again = true;
        return;
    }
    refreshing = true;
    do {
        again = false;
        await redraw().catch(() => {});
    } while (again);
    refreshing = false;
}

async function redraw() {
    const here = document.querySelector("main").dataset.here ?? location.href;
    const answer = await fetch(here, { headers: { Accept: "text/html" } });
    if (answer.redirected || answer.status === 404) {
        location.reload();
        return;
    }
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-fresh]")) {
        const next = fresh.getElementById(part.id);
        if (!next || same(part, next) || isInUse(part)) continue;
        const place = document.importNode(next, true);
        addCopyButtons(place);
        part.replaceWith(place);
    }
    const main = document.querySelector("main");
    const live = fresh.querySelector("main")?.dataset.live;
    if (live) main.dataset.live = live;
    else delete main.dataset.live;
    follow();
}

// Compares as the server wrote them: copy buttons are ours.
function same(part, next) {
    const bare = part.cloneNode(true);
    for (const button of bare.querySelectorAll(".copy > button")) button.remove();
    for (const opened of bare.querySelectorAll("details[open]")) opened.removeAttribute("open");
    return bare.isEqualNode(next);
}

// Nothing is taken away from under somebody's fingers.
function isInUse(part) {
    const active = document.activeElement;
    if (part.querySelector("details[open]")) return true;
    return part.contains(active) && active.matches("input, select, textarea, summary");
}

function addCopyButtons(root) {
    for (const block of root.querySelectorAll(".copy")) {
        if (block.querySelector("button")) continue;
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = "Copy";
        const what = block.dataset.what;
        if (what) button.setAttribute("aria-label", `Copy ${what}`);
        button.addEventListener("click", () => copy(block, button));
        block.append(button);
    }
}

async function copy(block, button) {
    const code = block.querySelector("code");
    try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
    } catch {
        // The browser does not let us: select it, so that a key does it.
        getSelection().selectAllChildren(code);
        button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
}

// The token of a login link stands behind the #, which no server sees. It is put into the form, and out of the address.
function takeLink() {
    const box = document.getElementById("by-link");
    if (!box || !location.hash.startsWith("#stl_")) return;
    document.getElementById("token").value = location.hash.slice(1);
    history.replaceState(null, "", location.pathname + location.search);
    box.open = true;
    document.getElementById("by-password").hidden = true;
    box.querySelector("button").focus();
}
