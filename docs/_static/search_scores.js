// Sphinx's values, but pages with tasks come before those with measurements, and those before pages for developers.
const FOR_DEVELOPERS =
  /^(a_fit_step_by_step|add_to_sknet|architecture|changelog|contributing|design_decisions|development|references|words)$/;
const lowered = (docname) => (FOR_DEVELOPERS.test(docname) ? 15 : docname.startsWith("measured/") ? 8 : 0);

var Scorer = {
  score: ([docname, , , , score]) => score - lowered(docname),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
