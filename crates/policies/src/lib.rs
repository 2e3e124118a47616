//! The built-in policies: one file per kind, named like its key in the document.
