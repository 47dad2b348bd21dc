#pragma once

#include <dlfcn.h>

#include <initializer_list>
#include <string>

namespace nabla::formula {

/// A library that is loaded while the program runs, and stays.
struct SharedLibrary {
  /// Takes the first that can be loaded.
  explicit SharedLibrary(std::initializer_list<const char*> names) {
    for (const char* const name : names) {
      if (handle == nullptr) handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    }
    if (handle == nullptr) {
      const char* const why = dlerror();
      missing = why != nullptr ? why : "no library to load";
    }
  }
  /// Null where it has none of that name.
  void* symbol(const char* name) const { return dlsym(handle, name); }

  void* handle = nullptr;
  std::string missing;  // why it was not loaded; empty: it was
};

}  // namespace nabla::formula
