#include "log/drafts.hpp"

#include <charconv>
#include <optional>

#include "tidings/base/entropy.hpp"

namespace tidings::log {
namespace {

/// Whose draft it is: `~<word>~…`.
std::optional<std::uint64_t> maker_of(std::string_view draft) {
  if (!draft.starts_with('~')) return std::nullopt;
  const auto end = draft.find('~', 1);
  if (end == draft.npos) return std::nullopt;
  std::uint64_t word = 0;
  const auto [stop, error] = std::from_chars(draft.data() + 1, draft.data() + end, word);
  return error == std::errc{} && stop == draft.data() + end ? std::optional(word) : std::nullopt;
}

}  // namespace

std::string draft_name(std::string_view of, const Slots& maker) {
  return "~" + std::to_string(maker.word()) + "~" + std::to_string(system_entropy().next()) + "~" +
         std::string(of.substr(0, 150));
}

void remove_dead_drafts(Directory& folder, const Slots& slots) {
  const auto names = folder.list();
  if (!names) return;
  for (const auto& name : *names) {
    const auto maker = maker_of(name);
    if (!maker) continue;
    const auto dead = slots.is_dead(*maker);
    if (!dead || !*dead) continue;
    const bool is_folder = folder.directory(name, Directory::Create::never).has_value();
    (void)(is_folder ? remove_folder(folder, name) : folder.remove_file(name)).has_value();
  }
}

Result<> remove_folder(Directory& above, const std::string& name) {
  {
    auto folder = above.directory(name, Directory::Create::never);
    if (!folder) return folder.error();
    auto names = (*folder)->list();
    if (!names) return names.error();
    for (const auto& one : *names) {
      auto within = (*folder)->directory(one, Directory::Create::never);
      auto done = within ? remove_folder(**folder, one) : (*folder)->remove_file(one);
      if (!done && done.error().code != "not_found") return done;
    }
  }
  return above.remove_directory(name);
}

}  // namespace tidings::log
