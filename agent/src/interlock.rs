//! Independent check of each lamp vector before it is shown.
