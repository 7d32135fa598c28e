#include "log/topic_files.hpp"

#include <algorithm>
#include <charconv>

namespace tidings::log {
namespace {

/// A folder that is a topic, or was one before it lost its topic.meta. Numbers are also in folders that are none: in a
/// folder that has no slots.lock they do not count.
bool is_topic(Directory& directory, bool in_log) {
  auto names = directory.list();
  return names && std::ranges::any_of(*names, [&](const std::string& name) {
           return name == "topic.meta" || name == "openers.lock" ||
                  (in_log && (name == "groups" || partition_number(name)));
         });
}

}  // namespace

std::optional<std::uint32_t> partition_number(std::string_view name) {
  std::uint32_t number = 0;
  const char* const begin = name.data();
  const char* const end = begin + name.size();
  const auto [stop, error] = std::from_chars(begin, end, number);
  if (error != std::errc{} || stop != end || number >= partitions_max || std::to_string(number) != name)
    return std::nullopt;
  return number;
}

Result<LogFolder> list_log(Directory& log) {
  auto names = log.list();
  if (!names) return names.error();
  LogFolder found;
  found.has_slots = std::ranges::binary_search(*names, "slots.lock");
  for (const auto& name : *names) {
    if (name == "slots.lock") continue;
    auto directory = name.starts_with('~') ? Result<std::unique_ptr<Directory>>{Error{}}
                                           : log.directory(name, Directory::Create::never);
    if (directory && is_topic(**directory, found.has_slots))
      found.topics.emplace_back(name, std::move(*directory));
    else if (!directory && directory.error().code == "permission_denied")
      found.others.emplace_back(name, directory.error());
    else
      found.others.emplace_back(name, std::nullopt);
  }
  if (!found.has_slots && std::ranges::binary_search(*names, "topic.meta"))
    return Error{"not_a_log", log.path() + " is the folder of one topic; name the folder above it", Retry::never};
  if (!found.has_slots && found.topics.empty())
    return Error{"not_a_log", log.path() + " is no log's folder: it has neither slots.lock nor a topic", Retry::never};
  return found;
}

Result<> check_is_log(Directory& log) {
  auto names = log.list();
  if (!names) return names.error();
  if (std::ranges::binary_search(*names, "slots.lock")) return {};
  auto listed = list_log(log);
  return listed ? Result<>{} : listed.error();
}

std::optional<MetaProblem> problem_of(const MetaFile& meta, std::size_t size) {
  if (size != sizeof meta) return MetaProblem{"bad_header", 0, "has " + std::to_string(size) + " bytes in place of 64"};
  if (meta.magic != MetaFile::magic_value) return MetaProblem{"bad_header", 0, "does not begin as a topic.meta does"};
  if (meta.checksum != checksum_of(meta))
    return MetaProblem{"bad_header", offsetof(MetaFile, checksum), "its checksum is wrong"};
  if (meta.version > MetaFile{}.version)
    return MetaProblem{"newer_version", offsetof(MetaFile, version),
                       "of format version " + std::to_string(meta.version) + "; run a newer program"};
  if (meta.partitions == 0 || meta.partitions > partitions_max)
    return MetaProblem{"wrong_header", offsetof(MetaFile, partitions),
                       "says that there are " + std::to_string(meta.partitions) + " partitions"};
  if (meta.durability > static_cast<std::uint32_t>(Durability::durable))
    return MetaProblem{"wrong_header", offsetof(MetaFile, durability),
                       "says durability " + std::to_string(meta.durability) + ", which there is not"};
  if (meta.waits_for_groups > 1)
    return MetaProblem{"wrong_header", offsetof(MetaFile, waits_for_groups),
                       "says " + std::to_string(meta.waits_for_groups) + " where it waits for groups (1) or not (0)"};
  return std::nullopt;
}

Result<MetaSeen> read_meta(Directory& topic) {
  auto file = topic.file("topic.meta", Directory::Create::never, false);
  if (!file) return file.error();
  MetaSeen seen;
  auto got = (*file)->read_at(std::as_writable_bytes(std::span{&seen.meta, 1}), 0);
  if (!got) return got.error();
  auto size = (*file)->size();
  if (!size) return size.error();
  seen.size = *size;
  seen.problem = problem_of(seen.meta, *got);
  return seen;
}

Error MetaSeen::error(const Directory& topic) const {
  const auto path = topic.path() + "/topic.meta";
  if (problem->code == "newer_version") return {problem->code, path + " is " + problem->why, Retry::never};
  return {"corrupt",
          path + " is damaged: " + problem->why + "; restore it from a copy, or move the topic's folder away",
          Retry::never};
}

}  // namespace tidings::log
