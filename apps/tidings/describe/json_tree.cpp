#include "describe/json_tree.hpp"

#include <algorithm>

#include "tidings/event/json.hpp"

namespace tidings::cli {

namespace {

/// Goes through a document that is known to be well-formed.
class Walk {
 public:
  explicit Walk(std::string_view text) : text_(text) {}

  JsonTree value() {
    skip();
    JsonTree tree;
    if (at() == '{') {
      tree.kind = JsonTree::Kind::object;
      for (step(); at() != '}'; take_comma()) {
        auto name = quoted();
        skip();
        step();  // the colon
        tree.members.emplace_back(std::move(name), value());
      }
      step();
    } else if (at() == '[') {
      tree.kind = JsonTree::Kind::array;
      for (step(); at() != ']'; take_comma()) tree.items.push_back(value());
      step();
    } else if (at() == '"') {
      tree.kind = JsonTree::Kind::text;
      tree.scalar = quoted();
    } else {
      const auto end = std::min(text_.find_first_of(",]} \t\r\n", at_), text_.size());
      tree.scalar = text_.substr(at_, end - at_);
      at_ = end;
    }
    skip();
    return tree;
  }

 private:
  [[nodiscard]] char at() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  void step() {
    ++at_;
    skip();
  }
  void take_comma() {
    if (at() == ',') step();
  }
  std::string quoted() {
    const auto begin = at_++;
    while (at() != '"') at_ += at() == '\\' ? 2 : 1;
    ++at_;
    // The codec knows escapes and surrogates.
    const auto spelled = "{\"v\":" + std::string(text_.substr(begin, at_ - begin)) + "}";
    auto text = json_member_text(spelled, "v");
    return text ? std::move(*text) : std::string();
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

void append(std::string& out, const JsonTree& tree) {
  bool is_first = true;
  const auto comma = [&] {
    if (!std::exchange(is_first, false)) out += ',';
  };
  switch (tree.kind) {
    case JsonTree::Kind::object:
      out += '{';
      for (const auto& [name, member] : tree.members) {
        comma();
        append_json_string(out, name);
        out += ':';
        append(out, member);
      }
      out += '}';
      return;
    case JsonTree::Kind::array:
      out += '[';
      for (const auto& item : tree.items) {
        comma();
        append(out, item);
      }
      out += ']';
      return;
    case JsonTree::Kind::text:
      append_json_string(out, tree.scalar);
      return;
    case JsonTree::Kind::other:
      out += tree.scalar;
      return;
  }
}

}  // namespace

const JsonTree* JsonTree::find(std::string_view member) const {
  const auto at = std::ranges::find_if(members, [&](const auto& one) { return one.first == member; });
  return at == members.end() ? nullptr : &at->second;
}

Result<JsonTree> parse_json_tree(std::string_view document) {
  if (auto fine = check_json(document); !fine) return fine.error();
  return Walk(document).value();
}

std::string to_json(const JsonTree& tree) {
  std::string out;
  append(out, tree);
  return out;
}

}  // namespace tidings::cli
