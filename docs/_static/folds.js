// A link opens the folds that its target stands in, and those of the method that it leads to.
function unfold() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  if (target.matches("dl.method > dt, dl.property > dt"))
    for (const fold of target.parentElement.querySelectorAll("details")) fold.open = true;
  target.scrollIntoView();
}

window.addEventListener("hashchange", unfold);
window.addEventListener("DOMContentLoaded", unfold);
