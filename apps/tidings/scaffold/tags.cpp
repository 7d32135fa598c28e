#include "scaffold/tags.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace tidings::scaffold {

Result<std::vector<Tag>> tags_of(std::string_view text, const std::string& where) {
  std::vector<Tag> tags;
  std::vector<Tag> open;
  const auto wrong = [&](std::size_t line, const std::string& why) {
    return Error{"invalid_capability", where + ":" + std::to_string(line) + ": " + why};
  };
  // Some of them stand for slots and for line ends while a template is filled.
  const auto control = std::ranges::find_if(text, [](unsigned char c) { return c < 0x20 && c != '\n' && c != '\t'; });
  if (control != text.end()) {
    const auto before = std::string_view(text.begin(), control);
    std::array<char, 8> byte{};
    std::snprintf(byte.data(), byte.size(), "0x%02x", static_cast<unsigned>(static_cast<unsigned char>(*control)));
    return wrong(1 + static_cast<std::size_t>(std::ranges::count(before, '\n')),
                 std::string("a control character, ") + byte.data());
  }
  std::size_t line = 1;
  std::size_t end = 0;
  for (auto begin = text.find("<%"); begin != std::string_view::npos; begin = text.find("<%", end)) {
    line += static_cast<std::size_t>(std::ranges::count(text.substr(end, begin - end), '\n'));
    const auto close = text.find("%>", begin);
    if (close == std::string_view::npos || text.substr(begin, close - begin).contains('\n'))
      return wrong(line, "a tag '<%' that is not closed by '%>'");
    auto inside = text.substr(begin + 2, close - begin - 2);
    Tag tag{.kind = ' ', .name = {}, .line = line};
    if (!inside.empty() && std::string_view("#^/").contains(inside.front())) {
      tag.kind = inside.front();
      inside.remove_prefix(1);
    }
    tag.name = inside;
    if (tag.kind == '#' || tag.kind == '^') open.push_back(tag);
    if (tag.kind == '/') {
      if (open.empty() || open.back().name != tag.name)
        return wrong(line, "<%/" + tag.name + "%> ends nothing that is open here");
      open.pop_back();
    }
    tags.push_back(std::move(tag));
    end = close + 2;
  }
  if (!open.empty())
    return wrong(open.back().line, "<%" + std::string(1, open.back().kind) + open.back().name + "%> has no end");
  return tags;
}

}  // namespace tidings::scaffold
