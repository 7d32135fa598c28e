#include "log/layout.hpp"
#include "log/log_directory.hpp"
#include "tidings/base/entropy.hpp"

namespace tidings::log {
namespace {

constexpr std::string_view deleted_prefix = "~deleted-";

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

Error in_use(const std::string& topic, std::string_view how) {
  return {"busy",
          "topic " + topic + " is " + std::string(how) + "; stop those who use it first (`tidings inspect` names them)",
          Retry::same_call};
}

}  // namespace

Result<> LogDirectory::remove(const std::string& topic) {
  const std::scoped_lock lock(mutex_);
  // This process's own handle goes, where nobody uses it.
  if (const auto known = open_.find(topic); known != open_.end()) {
    if (known->second.use_count() > 1) return in_use(topic, "in use in this process");
    open_.erase(known);
  }
  auto folder = directory_->directory(topic, Directory::Create::never);
  if (!folder) return folder.error();
  auto openers = (*folder)->file("openers.lock", Directory::Create::if_missing);
  if (!openers) return openers.error();
  auto taken = (*openers)->try_lock({0, partitions_max * openers_max});
  if (!taken) return taken.error();
  if (!*taken) return in_use(topic, "open in a process");
  // Whoever comes now waits for that lock, and then finds the topic gone.
  auto opened = TopicLog::open(directory_, topic, slots_, background_, *options_.clock, *options_.log);
  if (!opened) return opened.error();
  auto groups = (*opened)->groups();
  if (!groups) return groups.error();
  for (const auto& name : *groups) {
    auto group = (*opened)->group(name, false);
    if (!group && group.error().code == "corrupt") continue;  // nobody can be a member of it
    if (!group) return group.error();
    auto active = group->has_members();
    if (!active) return active.error();
    if (*active) return in_use(topic, "read by live members of group " + name);
  }
  const auto gone = std::string(deleted_prefix) + topic.substr(0, 150) + "-" + std::to_string(system_entropy().next());
  if (auto done = directory_->rename(topic, gone); !done) return done;
  (*opened)->wake().tell_deleted();
  if (auto done = directory_->sync(); !done) return done;
  auto names = directory_->list();
  if (!names) return names.error();
  for (const auto& name : *names)
    if (name.starts_with(deleted_prefix))
      if (auto done = remove_folder(*directory_, name); !done && done.error().code != "not_found") return done;
  return directory_->sync();
}

}  // namespace tidings::log
