#include <algorithm>
#include <array>
#include <cctype>

#include "check/rules/all.hpp"
#include "check/rules/words.hpp"

namespace tidings::check {

namespace {

constexpr auto hole = "\x01";  // stands for what is put in

/// Whether what is put behind this text is a value: names of tables and columns are not, and come from the program.
bool awaits_value(std::string_view sql) {
  const auto said = in_lower_case(sql);
  const auto text = trimmed(said);
  if (text.ends_with('\'')) return std::ranges::count(text, '\'') % 2 == 1;
  if (text.ends_with('=') || text.ends_with('<') || text.ends_with('>')) return true;
  for (const std::string_view word : {" like", "values (", "values("})
    if (text.ends_with(word)) return true;
  return text.ends_with(',') && text.rfind("values") != std::string_view::npos &&
         text.rfind(')') < text.rfind("values");
}

/// A whole statement of SQL, and no sentence that begins like one.
bool is_sql(std::string_view text) {
  const auto said = in_lower_case(text);
  if (!begins_sql(said)) return false;
  const std::string_view all = said;
  const auto has = [&](std::string_view word) { return all.find(word) != std::string_view::npos; };
  const auto begin = trimmed(all);
  if (begin.starts_with("select ")) return has(" from ");
  if (begin.starts_with("update ")) return has(" set ");
  if (begin.starts_with("delete ")) return has(" where ");
  return has("values") || has("select ");
}

class Sql {
 public:
  Sql(const Project& project, const Code& code, const File& file, Sink& sink)
      : project_(project), code_(code), file_(file), sink_(sink) {}

  void look() {
    const auto& tokens = file_.tokens();
    for (std::uint32_t at = 0; at < tokens.size(); ++at) {
      if (tokens[at].kind != TokenKind::text || (at > 0 && tokens[at - 1].kind == TokenKind::text)) continue;
      if (!begins_sql(literal_text(tokens[at]))) continue;
      auto begin = at;
      if (at >= 2 && tokens[at - 1].is("(") && tokens[at - 2].is_identifier()) {
        const auto word = tokens[at - 2].text;
        // `std::string("select …") + x`
        if (is_one_of(word, {"string", "String", "QString"}) && file_.structure.match[at - 1] != none) {
          pieces(at - 1, file_.structure.match[at - 1] + 1, literal_at(at), '+');
          continue;
        }
        if (is_one_of(word, {"format", "sformat", "StrFormat"})) {
          formatted(at, at - 2);
          continue;
        }
      }
      if (prints(at)) continue;
      auto sql = literal_at(begin);
      while (begin + 1 < tokens.size() && tokens[begin + 1].kind == TokenKind::text) ++begin;
      if (at > 0 && tokens[at - 1].is("<<")) {
        if (is_text_stream(at)) pieces(at, begin + 1, sql, '<');
        continue;
      }
      if (!pieces(at, begin + 1, sql, '+')) appended(at, sql);
    }
  }

 private:
  /// A literal with those that stand directly behind it.
  std::string literal_at(std::uint32_t at) const {
    std::string out;
    for (; at < file_.tokens().size() && file_.tokens()[at].kind == TokenKind::text; ++at)
      out += literal_text(file_.tokens()[at]);
    return out;
  }

  void tell(std::uint32_t at, std::string_view what) {
    sink_.add(project_, file_, at, "a statement of SQL is put together with " + quoted(what) + ", a value");
  }

  static bool is_number(const Type& type) {
    static constexpr std::array words{"int",     "long",     "unsigned",  "short",    "bool",
                                      "double",  "float",    "int8_t",    "int16_t",  "int32_t",
                                      "int64_t", "uint8_t",  "uint16_t",  "uint32_t", "uint64_t",
                                      "size_t",  "intmax_t", "uintmax_t", "ptrdiff_t"};
    return std::ranges::find(words, type.name) != words.end();
  }

  /// What cannot harm: numbers, constants, what was quoted.
  bool is_safe(Range operand, int depth = 0) const {
    const auto& tokens = file_.tokens();
    if (operand.empty() || depth > 4) return true;
    const auto last = operand.end - 1;
    if (tokens[last].is(")") || tokens[last].is("}")) {
      // What a function makes may be quoted, or a name of the program's own; a text's own functions change nothing.
      for (const auto& call : Code::calls(file_, operand)) {
        if (call.close != last || Code::operand_begin(file_, call) != operand.begin) continue;
        const auto name = Code::text(file_, call.name);
        const bool is_of_text = is_one_of(name, {"c_str", "data", "str", "substr", "value"});
        return !is_of_text || is_safe({operand.begin, call.name - 1}, depth + 1);
      }
      return true;
    }
    if (!tokens[last].is_identifier()) return true;
    if (is_number(code_.type_of_expression(file_, operand))) return true;
    if (operand.end - operand.begin > 1) return false;  // `order.id`
    const auto name = tokens[last].text;
    const bool is_constant =
        std::ranges::none_of(name, [](char c) { return c >= 'a' && c <= 'z'; }) ||
        (name.size() > 1 && name[0] == 'k' && std::isupper(static_cast<unsigned char>(name[1])) != 0);
    if (is_constant) return true;
    const File* where = nullptr;
    const auto* const found = code_.variable(file_, name, last, &where);
    if (found == nullptr) return true;
    if (found->place == Place::space) return true;
    if (found->value.empty()) return found->place != Place::parameter;
    if (where != &file_) return true;
    auto value = found->value;
    if (Code::is(file_, value.begin, "{") || Code::is(file_, value.begin, "("))
      value = {value.begin + 1, value.end - 1};
    bool is_literal = true;
    for (auto at = value.begin; at < value.end; ++at) {
      const auto kind = file_.tokens()[at].kind;
      is_literal = is_literal && (kind == TokenKind::text || kind == TokenKind::number || file_.tokens()[at].is("?") ||
                                  file_.tokens()[at].is(":"));
      if (Code::is(file_, at, "?")) return true;  // one of some
    }
    return is_literal || is_safe(value, depth + 1);
  }

  /// `… + operand + "…"` from `at` on. False: it is put together of nothing.
  bool pieces(std::uint32_t first, std::uint32_t at, std::string sql, char joint) {
    const auto& tokens = file_.tokens();
    const auto& match = file_.structure.match;
    const std::string_view plus = joint == '+' ? "+" : "<<";
    bool any = false;
    while (at < tokens.size() && tokens[at].is(plus)) {
      any = true;
      const auto begin = ++at;
      while (at < tokens.size() && !tokens[at].is(plus) && !tokens[at].is(";") && !tokens[at].is(",") &&
             !tokens[at].is(")") && !tokens[at].is("]") && !tokens[at].is("}") && !tokens[at].is("?") &&
             !tokens[at].is(":")) {
        if ((tokens[at].is("(") || tokens[at].is("[") || tokens[at].is("{")) && match[at] != none) at = match[at];
        ++at;
      }
      if (begin < tokens.size() && tokens[begin].kind == TokenKind::text) {
        sql += literal_at(begin);
        continue;
      }
      if (is_sql(sql) && awaits_value(sql) && !is_safe({begin, at}))
        return tell(first, Code::spelled(file_, {begin, at})), true;
      sql += hole;
    }
    return any;
  }

  /// `std::string sql = "select …"; sql += …; sql.append(…);`
  void appended(std::uint32_t at, std::string sql) {
    // `std::string sql("`, `auto sql = "`, `std::string sql = {"`
    for (const auto* const held : code_.variables_in(file_, {at > 3 ? at - 3 : 0, at})) {
      const auto& one = *held;
      if (one.place != Place::local || !one.value.has(at) || one.value.end - one.value.begin > 3) continue;
      const auto& tokens = file_.tokens();
      for (auto i = one.value.end; i < one.seen.end && i + 2 < tokens.size(); ++i) {
        if (tokens[i].text != one.name || !tokens[i].is_identifier()) continue;
        std::uint32_t begin = 0;
        if (tokens[i + 1].is("+="))
          begin = i + 2;
        else if (tokens[i + 1].is(".") && tokens[i + 2].is("append") && Code::is(file_, i + 3, "("))
          begin = i + 4;
        else
          continue;
        if (begin < tokens.size() && tokens[begin].kind == TokenKind::text) {
          auto end = begin;
          while (end < tokens.size() && tokens[end].kind == TokenKind::text) ++end;
          auto whole = sql + literal_at(begin);
          if (pieces(i, end, whole, '+')) return;
          sql = whole;
          continue;
        }
        auto end = begin;
        while (end < one.seen.end && !tokens[end].is(";") && !tokens[end].is(")") && !tokens[end].is("+") &&
               !tokens[end].is(",")) {
          if ((tokens[end].is("(") || tokens[end].is("{") || tokens[end].is("[")) && file_.structure.match[end] != none)
            end = file_.structure.match[end];
          ++end;
        }
        if (is_sql(sql) && awaits_value(sql) && !is_safe({begin, end}))
          return tell(i, Code::spelled(file_, {begin, end}));
        sql += hole;
      }
      return;
    }
  }

  bool is_text_stream(std::uint32_t at) const {
    auto begin = at;
    while (begin > 0 && !Code::is(file_, begin - 1, ";") && !Code::is(file_, begin - 1, "{") &&
           !Code::is(file_, begin - 1, "}"))
      --begin;
    if (begin + 1 >= at || !file_.tokens()[begin].is_identifier()) return false;
    const File* where = nullptr;
    const auto* const found = code_.variable(file_, Code::text(file_, begin), begin, &where);
    return found != nullptr && is_one_of(code_.type_of(*where, found->type).name, {"ostringstream", "stringstream"});
  }

  /// The arguments behind the one that holds the literal at `at`.
  std::vector<Range> behind(const Call& call, std::uint32_t at) const {
    auto all = Code::arguments(file_, call);
    const auto text = std::ranges::find_if(all, [&](const Range& one) { return one.has(at); });
    if (text != all.end()) all.erase(all.begin(), text + 1);
    return all;
  }

  /// What a place within quotes is filled with, where it is a value; `number` counts places from 0.
  void place(std::uint32_t name, const std::vector<Range>& values, std::size_t number, std::string_view written) {
    if (number >= values.size())
      tell(name, written);
    else if (!is_safe(values[number]))
      tell(name, Code::spelled(file_, values[number]));
  }

  /// `fmt::format("select … '{}'", id)`: within quotes it is a text, elsewhere it may be a number.
  void formatted(std::uint32_t at, std::uint32_t name) {
    const auto sql = literal_at(at);
    if (!is_sql(sql)) return;
    const auto calls = Code::calls(file_, {name, name + 1});
    if (calls.empty()) return;
    const auto values = behind(calls.front(), at);
    std::size_t next = 0;
    for (std::size_t i = 0; i < sql.size(); ++i) {
      if (sql[i] != '{') continue;
      if (i + 1 < sql.size() && sql[i + 1] == '{') {
        ++i;
        continue;
      }
      const auto end = sql.find('}', i);
      if (end == std::string::npos) return;
      auto number = next++;
      if (std::isdigit(static_cast<unsigned char>(sql[i + 1])) != 0)
        number = static_cast<std::size_t>(sql[i + 1] - '0');
      const bool is_quoted = i > 0 && sql[i - 1] == '\'' && end + 1 < sql.size() && sql[end + 1] == '\'';
      if (is_quoted) place(name, values, number, std::string_view(sql).substr(i, end + 1 - i));
      i = end;
    }
  }

  /// `snprintf(text, size, "select … '%s'", id)`, of which `%q` and `%Q` are sqlite3_mprintf's and quote.
  bool prints(std::uint32_t at) {
    for (const auto& call : Code::calls(file_, {at > 40 ? at - 40 : 0, at})) {
      if (call.open > at || call.close < at ||
          !is_one_of(Code::text(file_, call.name), {"snprintf", "sprintf", "sqlite3_mprintf", "asprintf"}))
        continue;
      const auto sql = literal_at(at);
      if (!is_sql(sql)) return true;
      const auto values = behind(call, at);
      std::size_t number = 0;
      for (auto i = sql.find('%'); i != std::string::npos && i + 1 < sql.size(); i = sql.find('%', i + 2)) {
        if (sql[i + 1] == '%') continue;
        if (i > 0 && sql.compare(i - 1, 4, "'%s'") == 0) place(call.name, values, number, "%s");
        ++number;
      }
      return true;
    }
    return false;
  }

  const Project& project_;
  const Code& code_;
  const File& file_;
  Sink& sink_;
};

void run(const Workspace& workspace, Sink& sink) {
  each(workspace, [&](const Project& project, const Code& code, const Facts&) {
    for (const auto& file : project.files)
      if (!file->is_test) Sql(project, code, *file, sink).look();
  });
}

}  // namespace

const Rule sql_concatenation{.id = "sql-concatenation",
                             .severity = Severity::error,
                             .finds =
                                 "A statement of SQL that is put together with a value: by `+`, `+=`, a stream, or a "
                                 "format with quotes around its place.",
                             .can_happen =
                                 "Whoever chooses the value chooses the statement, and an event is chosen by whoever "
                                 "may publish; a name with an apostrophe breaks it.",
                             .to_do = "Give values as parameters: `tx.execute(\"… where id = $1\", id)`.",
                             .bad = R"code(#include "tidings/store/transaction.hpp"
tidings::Result<> cancel(tidings::Transaction& tx, const std::string& id) {
  auto done = tx.execute("delete from orders where id = '" + id + "'");
  return done ? tidings::Result<>{} : done.error();
}
)code",
                             .good = R"code(#include "tidings/store/transaction.hpp"
tidings::Result<> cancel(tidings::Transaction& tx, const std::string& id) {
  auto done = tx.execute("delete from orders where id = $1", id);
  return done ? tidings::Result<>{} : done.error();
}
)code",
                             .run = run};

}  // namespace tidings::check
