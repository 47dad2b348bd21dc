// Nothing: the target has to have a source for its headers to be compiled.
