// What makes a page easier to follow with the hands: copy buttons that say what they copy,
// and steps that can be ticked. Ticks are kept until the tab is closed.
(function () {
  "use strict";

  var article = document.querySelector("article");
  if (!article) {
    return;
  }

  function said(element) {
    var clone = element.cloneNode(true);
    clone.querySelectorAll(".headerlink").forEach(function (link) {
      link.remove();
    });
    return clone.textContent.replace(/\s+/g, " ").trim();
  }

  // A block's own name and host, else the heading above it.
  function nameOf(button) {
    var box = button.closest(".db-snippet");
    if (box && box.id) {
      var host = box.querySelector(".db-host");
      return box.id.replace(/^snippet-/, "") + (host ? " " + said(host) : "");
    }
    var section = button.closest("section");
    var heading = section && section.querySelector("h1, h2, h3, h4, h5, h6");
    return heading ? "code of: " + said(heading) : "code";
  }

  var status = document.createElement("p");
  status.className = "db-status";
  status.setAttribute("role", "status");

  function nameCopyButtons() {
    var seen = {};
    article.querySelectorAll("button.copybtn").forEach(function (button) {
      var name = nameOf(button);
      seen[name] = (seen[name] || 0) + 1;
      if (button.hasAttribute("aria-label")) {
        return;
      }
      var label = "Copy " + name + (seen[name] > 1 ? ", " + seen[name] : "");
      button.type = "button";
      button.setAttribute("aria-label", label);
      // The library takes one line end off what it copies; this one is left in its place,
      // so that two pastes do not join.
      var end = document.createElement("span");
      end.hidden = true;
      end.textContent = "\n";
      button.previousElementSibling.append(end);
      button.addEventListener("click", function () {
        status.textContent = "";
        window.setTimeout(function () {
          status.textContent = button.classList.contains("success") ? "Copied" : "Not copied";
        }, 100);
      });
    });
  }

  // Storage may be refused, for example in a private window.
  function kept(key, value) {
    try {
      if (value === undefined) {
        return window.sessionStorage.getItem(key) === "done";
      }
      window.sessionStorage.setItem(key, value ? "done" : "");
    } catch (refused) {
      return false;
    }
    return value;
  }

  function keep(box, name) {
    var key = window.location.pathname + "#" + name;
    box.checked = kept(key) || box.defaultChecked;
    box.addEventListener("change", function () {
      kept(key, box.checked);
    });
  }

  function tickSteps() {
    article.querySelectorAll("h3").forEach(function (heading) {
      var section = heading.parentElement;
      var text = said(heading);
      var number = /^(\d+)\. /.exec(text);
      if (!number || !section.parentElement.querySelector(".db-snippet")) {
        return;
      }
      var label = document.createElement("label");
      var box = document.createElement("input");
      label.className = "db-done";
      box.type = "checkbox";
      box.setAttribute("aria-label", "Step " + text + ": done");
      label.append(box, " done");
      heading.after(label);
      keep(box, section.id);
    });
    article.querySelectorAll(".task-list-item-checkbox").forEach(function (box, position) {
      box.disabled = false;
      keep(box, "task-" + position);
    });
  }

  // A drawing wider than the screen opens where it is read from: at its topmost node.
  function showRoot(drawing) {
    var root = null;
    drawing.querySelectorAll("g.node").forEach(function (node) {
      var place = node.getBoundingClientRect();
      if (place.width && (!root || place.top < root.top - 1)) {
        root = place;
      }
    });
    if (root && drawing.scrollWidth > drawing.clientWidth) {
      var middle = root.left + root.width / 2 - drawing.getBoundingClientRect().left;
      drawing.scrollLeft += middle - drawing.clientWidth / 2;
    }
  }

  function showRoots(within) {
    within.querySelectorAll(".dg").forEach(showRoot);
  }

  article.append(status);
  showRoots(article);
  article.querySelectorAll("details").forEach(function (folded) {
    folded.addEventListener("toggle", function () {
      showRoots(folded);
    });
  });
  tickSteps();
  nameCopyButtons();
  // The buttons come when their library has loaded.
  new MutationObserver(nameCopyButtons).observe(article, { childList: true, subtree: true });
})();
