// Two things that a built page cannot know: today's date, and the width of the screen.
(function () {
  "use strict";

  // A mark says until when it holds; a copy that has lain on a disk for longer says so.
  // The same day ends what is counted: in the line under a title and in the tables.
  var today = new Date().toISOString().slice(0, 10);
  var ages = ["verified", "simulated", "skipped"];

  function expireMarks() {
    document.querySelectorAll("[data-until]").forEach(function (element) {
      var until = element.getAttribute("data-until");
      if (today <= until || ages.indexOf(element.getAttribute("data-state")) < 0) {
        return;
      }
      var word = element.querySelector(".db-state");
      word.className = "db-state db-stale";
      word.textContent = "≠ stale";
      word.title = "This copy of the book is older than its marks may be: " + until;
      element.setAttribute("data-state", "stale");
      if (element.className === "db-mark") {
        element.append(" the last run is too old: its result held until " + until);
      }
      var box = element.closest(".db-snippet");
      if (box) {
        box.classList.remove("db-is-verified", "db-is-simulated", "db-is-skipped");
        box.classList.add("db-is-stale");
      }
    });
  }

  // How many of what an element counts have run out.
  function ended(element) {
    var number = 0;
    (element.getAttribute("data-untils") || "").split(" ").forEach(function (each) {
      var pair = each.split(":");
      if (pair[0] && pair[0] < today && element.getAttribute("data-count") !== "stale") {
        number += Number(pair[1]);
      }
    });
    return number;
  }

  function add(element, number) {
    var before = element.textContent === "·" ? "0" : element.textContent;
    var after = before.replace(/^\d+/, String(parseInt(before, 10) + number));
    element.textContent = after === "0" ? "·" : after;
    if (/^\d+ /.test(after)) {
      element.hidden = /^0 /.test(after);
    }
  }

  function expireCounts() {
    document.querySelectorAll(".db-counts").forEach(function (group) {
      var stale = null;
      var moved = 0;
      group.querySelectorAll("[data-count]").forEach(function (element) {
        var number = ended(element);
        if (number) {
          add(element, -number);
        }
        moved += number;
        if (element.getAttribute("data-count") === "stale") {
          stale = element;
        }
      });
      if (moved) {
        add(stale, moved);
        punctuate(group);
      }
    });
    document.querySelectorAll("[data-holds-until]").forEach(function (element) {
      var until = element.getAttribute("data-holds-until");
      var counts = element.nextElementSibling;
      if (!until || today <= until) {
        return;
      }
      if (counts) {
        element.hidden = true;
        counts.hidden = false;
      } else {
        element.textContent = "–";
      }
    });
  }

  // Commas stand between the counts that are shown.
  function punctuate(group) {
    var shown = Array.from(group.querySelectorAll(".db-count")).filter(function (each) {
      return !each.hidden;
    });
    if (shown.length) {
      group.textContent = "";
      shown.forEach(function (each, position) {
        group.append(position ? ", " : "", each);
      });
    }
  }

  // What scrolls sideways can be reached, and scrolled, by keyboard.
  function reach() {
    var wide = "article pre, .table-wrapper, .dg, .db-scroll";
    document.querySelectorAll(wide).forEach(function (box) {
      if (box.scrollWidth > box.clientWidth) {
        box.setAttribute("tabindex", "0");
      } else {
        box.removeAttribute("tabindex");
      }
    });
  }

  expireMarks();
  expireCounts();
  reach();
  window.addEventListener("resize", reach);
})();
