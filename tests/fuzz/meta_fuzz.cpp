// `topic.meta`: a flag and the file. Who opens the topic and who verifies it say the same.
#include "log/layout.hpp"
#include "log/topic_files.hpp"
#include "real_log.hpp"

namespace tidings::fuzzing {

void try_input(Bytes input) {
  static const RealLog real;
  static const std::shared_ptr<Directory> log_folder = system_files().open(real.path(), false).or_throw();
  static const auto slots = log::Slots::take(*log_folder).or_throw();
  Input in(input);
  const auto flags = in.take<std::uint8_t>();
  auto file = in.copy();
  log::MetaFile meta;
  if (load(file, 0, meta) && (flags & mends) != 0) {
    meta.checksum = log::checksum_of(meta);
    store(std::span(file), 0, meta);
  }
  real.folder().write(RealLog::meta, file);
  const auto opened =
      log::TopicLog::open(log_folder, "orders", {.slots = slots}, system_clock(), stderr_log(LogLevel::error));
  const auto problem = log::problem_of(meta, std::min(file.size(), sizeof meta));
  require(opened.has_value() == !problem, "a topic is opened where verify finds nothing wrong with its topic.meta");
  if (opened) {
    require((*opened)->meta().partitions >= 1 && (*opened)->meta().partitions <= log::partitions_max,
            "a topic has 1 to 1,024 partitions");
    require((*opened)->meta().durability <= tidings::Durability::durable, "a durability is one that there is");
    require((*opened)->keeping().has_value(), "its retention can be read");
  } else {
    require((opened.error().code == "newer_version") == (problem->code == "newer_version"),
            "a newer version is told as one");
    require(verify(real.path()) > 0, "what cannot be opened is told by verify");
  }
}

std::vector<std::string> seeds() {
  const RealLog real;
  const auto file = real.folder().read(RealLog::meta);
  return {'\0' + file, '\1' + file};
}

}  // namespace tidings::fuzzing
