# Writes a C++ file with the texts of headers, for NVRTC, which then needs no files while a program runs.
#     cmake -DOUTPUT=FILE -DROOT=SOURCE-DIRECTORY "-DHEADERS=include/nabla/view.hpp;kernels/evaluate.cuh;…" -P EmbedHeaders.cmake
# A header gets the name that it is included by.

set(entries "")
foreach(header IN LISTS HEADERS)
  file(READ ${ROOT}/${header} text)
  string(REGEX REPLACE "^include/" "" name ${header})
  string(REGEX REPLACE "^kernels/" "nabla/kernels/" name ${name})
  string(APPEND entries "    {\"${name}\", R\"nabla_header(${text})nabla_header\"},\n")
endforeach()
string(SHA256 digest "${entries}")
file(WRITE ${OUTPUT} "// Made by cmake/EmbedHeaders.cmake.

#include \"device_headers.hpp\"

namespace nabla::formula::cuda {

namespace {

constexpr DeviceHeader headers[] = {
${entries}};

}  // namespace

std::span<const DeviceHeader> device_headers() { return headers; }
std::string_view device_headers_digest() { return \"${digest}\"; }

}  // namespace nabla::formula::cuda
")
