#include "log/drafts.hpp"
#include "log/layout.hpp"
#include "log/log_directory.hpp"
#include "log/topic_files.hpp"
#include "tidings/base/entropy.hpp"

namespace tidings::log {
namespace {

constexpr std::string_view deleted_prefix = "~deleted-";

/// How often it is looked again where others delete and make the same topic.
constexpr int attempts_max = 16;

/// Who opened the topic before and has not seen yet that it was deleted may still make something in it: that goes too.
/// One that is stopped in that leaves it to whoever deletes a topic next.
Result<> remove_deleted(Directory& log, const std::string& name) {
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    auto done = remove_folder(log, name);
    if (!done && done.error().code == "exists") continue;
    if (!done && done.error().code == "not_found") return {};  // somebody else was faster
    return done;
  }
  return {};
}

/// All bytes of a topic's `openers.lock`.
struct TopicLock {
  bool taken = false;  // false: somebody has it open
  std::unique_ptr<File> openers;
};

/// Of the topic that has the name now: who opens one while another deletes it gets the file of a topic that is gone,
/// and must not take the next one of its name for it. Error `unknown_topic` where there is none.
Result<TopicLock> lock_topic(Directory& log, const std::string& topic) {
  const auto open = [&](Directory::Create create) -> Result<std::unique_ptr<File>> {
    auto folder = log.directory(topic, Directory::Create::never);
    if (!folder) return folder.error();
    return (*folder)->file("openers.lock", create);
  };
  const Error unknown{"unknown_topic", "there is no topic '" + topic + "'"};
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    auto openers = open(Directory::Create::if_missing);
    if (!openers && openers.error().code != "not_found") return openers.error();
    if (!openers) {
      auto folder = log.directory(topic, Directory::Create::never);
      if (!folder && folder.error().code == "not_found") return unknown;
      continue;
    }
    auto taken = (*openers)->try_lock({0, partitions_max * openers_max});
    if (!taken) return taken.error();
    if (!*taken) return TopicLock{};
    auto locked = (*openers)->id();
    if (!locked) return locked.error();
    auto named = open(Directory::Create::never);
    if (!named && named.error().code == "not_found") continue;
    if (!named) return named.error();
    auto id = (*named)->id();
    if (!id) return id.error();
    if (*id == *locked) return TopicLock{true, std::move(*openers)};
  }
  return unknown;
}

Error in_use(const std::string& topic, std::string_view how) {
  return {"busy",
          "topic " + topic + " is " + std::string(how) + "; stop those who use it first (`tidings inspect` names them)",
          Retry::same_call};
}

/// The name of a group that has a member. By the locks alone, so that a group whose file is damaged hides nobody.
Result<std::optional<std::string>> group_in_use(Directory& topic) {
  auto groups = topic.directory("groups", Directory::Create::never);
  if (!groups && groups.error().code == "not_found") return std::optional<std::string>{};
  if (!groups) return groups.error();
  auto names = (*groups)->list();
  if (!names) return names.error();
  for (const auto& name : *names) {
    if (name.starts_with('~')) continue;
    auto file = (*groups)->file(name, Directory::Create::never, false);
    if (!file && file.error().code == "not_found") continue;  // deleted meanwhile
    if (!file) return file.error();
    auto member = (*file)->held_by_others({members_begin, GroupFile::members_max});
    if (!member) return member.error();
    if (*member) return std::optional{name};
  }
  return std::optional<std::string>{};
}

/// Who has it open without a partition finds that it is gone.
Result<> tell_deleted(File& control) {
  auto size = control.size();
  if (!size) return size.error();
  if (*size < TopicWake::file_bytes) return {};  // then nobody has
  auto mapping = control.map(TopicWake::file_bytes, true);
  if (!mapping) return mapping.error();
  TopicWake(std::move(*mapping)).tell_deleted();
  return {};
}

/// Nothing of it is believed but the locks: one that is damaged must be able to go, too.
Result<> check_deletable(Directory& topic) {
  auto file = topic.file("topic.meta", Directory::Create::never, false);
  if (!file) return file.error();
  MetaFile meta;
  auto got = (*file)->read_at(std::as_writable_bytes(std::span{&meta, 1}), 0);
  if (!got) return got.error();
  if (const auto problem = problem_of(meta, *got); problem && problem->code == "newer_version")
    return Error{"newer_version", (*file)->path() + " is of a newer format; delete the topic with a newer program",
                 Retry::never};
  return {};
}

}  // namespace

Result<> TopicLog::remove_group(const std::string& name) {
  auto groups = directory_->directory("groups", Directory::Create::never);
  if (!groups) return groups.error();
  {
    auto file = (*groups)->file(name, Directory::Create::never);
    if (!file) return file.error();
    for (const auto range :
         {File::Range{members_begin, GroupFile::members_max}, File::Range{holders_begin, meta_.partitions}}) {
      auto taken = (*file)->try_lock(range);
      if (!taken) return taken.error();
      if (!*taken) return Error{"group_active", "group " + name + " has live members", Retry::same_call};
    }
    // Another may have deleted it since it was opened: then the name is that of the next one, which may have members.
    auto named = (*file)->is_named();
    if (!named) return named.error();
    if (!*named) return Error{"not_found", "group " + name + " was deleted just now", Retry::never};
    if (auto removed = (*groups)->remove_file(name); !removed) return removed;
  }
  if (auto synced = (*groups)->sync(); !synced) return synced;
  auto now = keeping();
  for (std::uint32_t number = 0; now && now->waits_for_groups && number < meta_.partitions; ++number)
    if (auto partition = this->partition(number)) remove_old(**partition, number);
  return {};
}

Result<> LogDirectory::remove(const std::string& topic) {
  const std::scoped_lock lock(mutex_);
  // This process's own handle goes, where nobody uses it.
  if (const auto known = open_.find(topic); known != open_.end()) {
    if (known->second.use_count() > 1) return in_use(topic, "in use in this process");
    open_.erase(known);
  }
  auto lock_of_all = lock_topic(*directory_, topic);
  if (!lock_of_all) return lock_of_all.error();
  if (!lock_of_all->taken) return in_use(topic, "open in a process");
  // Whoever comes now waits for that lock, and then finds the topic gone.
  auto folder = directory_->directory(topic, Directory::Create::never);
  if (!folder) return folder.error();
  if (auto known = check_deletable(**folder); !known) return known;
  auto member = group_in_use(**folder);
  if (!member) return member.error();
  if (*member) return in_use(topic, "read by live members of group " + **member);
  auto control = (*folder)->file("control", Directory::Create::never);
  if (!control && control.error().code != "not_found") return control.error();
  const auto gone = std::string(deleted_prefix) + topic.substr(0, 150) + "-" + std::to_string(system_entropy().next());
  if (auto done = directory_->rename(topic, gone); !done) return done;
  if (control)
    if (auto told = tell_deleted(**control); !told) return told;
  if (auto done = directory_->sync(); !done) return done;
  auto names = directory_->list();
  if (!names) return names.error();
  for (const auto& name : *names)
    if (name.starts_with(deleted_prefix))
      if (auto done = remove_deleted(*directory_, name); !done) return done;
  return directory_->sync();
}

}  // namespace tidings::log
