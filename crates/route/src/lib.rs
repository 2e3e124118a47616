//! Which route? Host, path and predicates compiled to one automaton, with a total order of precedence. Pure.
