#include "fuzzing.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace tidings::fuzzing {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "found: %s\n", what);
  std::abort();
}

Folder::Folder() : path_(std::filesystem::temp_directory_path() / "fuzz-XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) std::abort();
}
Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}
void Folder::write(const std::string& name, Bytes bytes) const {
  std::ofstream file(path_ + "/" + name, std::ios::binary | std::ios::trunc);
  file << text_of(bytes) << std::flush;
  if (!file) std::abort();
}
std::string Folder::read(const std::string& name) const {
  std::ifstream file(path_ + "/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace tidings::fuzzing

/// `--write-seeds=FOLDER` writes them and ends; everything else is libFuzzer's.
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  constexpr std::string_view option = "--write-seeds=";
  for (int i = 1; i < *argc; ++i) {
    const std::string_view argument = (*argv)[i];
    if (!argument.starts_with(option)) continue;
    const std::filesystem::path folder = argument.substr(option.size());
    int number = 0;
    for (const auto& seed : tidings::fuzzing::seeds())
      std::ofstream(folder / std::to_string(number++), std::ios::binary) << seed;
    std::exit(0);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tidings::fuzzing::try_input({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
