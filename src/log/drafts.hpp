#pragma once

#include <string>
#include <string_view>

#include "log/slots.hpp"
#include "tidings/base/file_system.hpp"

// What is made under another name, and renamed when it is whole. A process that dies in between leaves its draft, and
// the next that makes one in that folder takes it out: its name says whose it is.
namespace tidings::log {

/// A name that no other draft has. '~' stands in no name of a topic or a group.
[[nodiscard]] std::string draft_name(std::string_view of, const Slots& maker);
/// Those of processes that are dead, files and folders. What cannot be removed now stays for the next.
void remove_dead_drafts(Directory& folder, const Slots& slots);

/// A folder with all that is in it.
Result<> remove_folder(Directory& above, const std::string& name);

}  // namespace tidings::log
