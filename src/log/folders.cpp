#include "log/folders.hpp"

#include <map>
#include <mutex>

#include "tidings/base/entropy.hpp"

namespace tidings::log {
namespace {

Result<FileId> control_of(Directory& folder) {
  auto file = folder.file("control", Directory::Create::never, false);
  if (!file) return file.error();
  return (*file)->id();
}

/// Far behind every byte that anybody locks.
constexpr std::uint64_t tried_begin = std::uint64_t{1} << 40;

/// Tried with a lock that means nothing.
bool mapping_keeps_locks(Directory& folder, std::string_view name) {
  const auto at = tried_begin + system_entropy().below(tried_begin);
  auto first = folder.file(name, Directory::Create::never);
  if (!first) return false;
  auto locked = (*first)->try_lock({at, 1});
  if (!locked || !*locked) return false;
  const auto mapping = (*first)->map_locks(at);
  if (!mapping || mapping->data() == nullptr) return false;
  first->reset();
  auto second = folder.file(name, Directory::Create::never);
  if (!second) return false;
  auto held = (*second)->held_by_others({at, 1});
  return held && held->has_value();
}

}  // namespace

std::shared_ptr<const void> FolderBudget::take(const std::shared_ptr<FolderBudget>& budget) {
  if (budget->left_.fetch_sub(1) <= 0) {
    budget->left_.fetch_add(1);
    return nullptr;
  }
  return {budget.get(), [budget](const void*) { budget->left_.fetch_add(1); }};
}

Result<std::unique_ptr<Directory>> FolderByName::of(Directory& above, std::string name, Directory& opened) {
  auto control = control_of(opened);
  if (!control) return control.error();
  return std::unique_ptr<Directory>(std::make_unique<FolderByName>(above, std::move(name), opened.path(), *control));
}

Result<std::unique_ptr<Directory>> FolderByName::open() {
  auto opened = above_.directory(name_, Create::never);
  auto control = opened ? control_of(**opened) : Result<FileId>{opened.error()};
  if (control && *control == control_) return opened;
  if (!control && control.error().code != "not_found") return control.error();
  return Error{"folder_replaced", path_ + " is not the folder any more that was opened; open the log again",
               Retry::reopen};
}

Result<std::unique_ptr<Directory>> FolderByName::directory(std::string_view name, Create create) {
  auto opened = open();
  return opened ? (*opened)->directory(name, create) : opened.error();
}
Result<std::unique_ptr<File>> FolderByName::file(std::string_view name, Create create, bool writable) {
  auto opened = open();
  if (!opened) return opened.error();
  return (*opened)->file(name, create, writable);
}
Result<std::vector<std::string>> FolderByName::list() {
  auto opened = open();
  if (!opened) return opened.error();
  return (*opened)->list();
}
Result<> FolderByName::rename(std::string_view from, std::string_view to) {
  auto opened = open();
  return opened ? (*opened)->rename(from, to) : opened.error();
}
Result<> FolderByName::replace(std::string_view from, std::string_view to) {
  auto opened = open();
  return opened ? (*opened)->replace(from, to) : opened.error();
}
Result<> FolderByName::remove_file(std::string_view name) {
  auto opened = open();
  return opened ? (*opened)->remove_file(name) : opened.error();
}
Result<> FolderByName::remove_directory(std::string_view name) {
  auto opened = open();
  return opened ? (*opened)->remove_directory(name) : opened.error();
}
/// Of the folder, whichever descriptor it is asked through: its changes are in the journal, not in the descriptor.
Result<> FolderByName::sync() {
  auto opened = open();
  return opened ? (*opened)->sync() : opened.error();
}
Result<std::optional<std::string>> FolderByName::foreign_file_system() {
  auto opened = open();
  if (!opened) return opened.error();
  return (*opened)->foreign_file_system();
}

Mapping locks_of(File& locked, std::uint64_t at, Directory& folder, std::string_view name) {
  static std::mutex mutex;
  static auto* const keeps = new std::map<std::uint64_t, bool>;  // by device
  auto id = locked.id();
  if (!id) return {};
  {
    const std::scoped_lock lock(mutex);
    auto known = keeps->find(id->device);
    if (known == keeps->end()) known = keeps->emplace(id->device, mapping_keeps_locks(folder, name)).first;
    if (!known->second) return {};
  }
  auto mapping = locked.map_locks(at);
  return mapping ? std::move(*mapping) : Mapping{};
}

}  // namespace tidings::log
