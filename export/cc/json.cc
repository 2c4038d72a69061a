#include "json.h"

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "error.h"

namespace tfmusic {

class JsonParser {
 public:
  explicit JsonParser(const std::string& text) : text_(text) {}

  Json Parse() {
    Json value = Value(0);
    SkipSpace();
    if (at_ != text_.size()) Fail();
    return value;
  }

 private:
  using Kind = Json::Kind;

  Json Value(int depth) {
    if (depth > 100) Fail();  // or a file of brackets would exhaust the stack
    SkipSpace();
    Json value;
    switch (Peek()) {
      case '{':
        value.kind_ = Kind::kObject;
        Sequence('}', [&] {
          SkipSpace();
          value.names_.push_back(String());
          SkipSpace();
          Take(':');
          value.items_.push_back(Value(depth + 1));
        });
        return value;
      case '[':
        value.kind_ = Kind::kArray;
        Sequence(']', [&] { value.items_.push_back(Value(depth + 1)); });
        return value;
      case '"':
        value.kind_ = Kind::kString;
        value.text_ = String();
        return value;
      case 't':
        Word("true");
        value.kind_ = Kind::kBoolean;
        value.number_ = 1;
        return value;
      case 'f':
        Word("false");
        value.kind_ = Kind::kBoolean;
        return value;
      case 'n':
        Word("null");
        return value;
      default:
        value.kind_ = Kind::kNumber;
        value.number_ = Number();
        return value;
    }
  }

  // What stands between a bracket and its `end`, with commas between.
  template <typename Item>
  void Sequence(char end, Item item) {
    ++at_;
    SkipSpace();
    if (Peek() == end) {
      ++at_;
      return;
    }
    while (true) {
      item();
      SkipSpace();
      if (Peek() == end) break;
      Take(',');
    }
    ++at_;
  }

  std::string String() {
    Take('"');
    std::string result;
    while (Peek() != '"') {
      char next = text_[at_++];
      if (next == '\\') {
        AppendEscaped(&result);
      } else {
        result += next;
      }
    }
    ++at_;
    return result;
  }

  void AppendEscaped(std::string* result) {
    static constexpr char kNames[] = "\"\\/bfnrt";
    static constexpr char kMeanings[] = "\"\\/\b\f\n\r\t";
    char name = Peek();
    ++at_;
    if (name == 'u') {
      uint32_t code = Hexadecimal();
      if (code >= 0xD800 && code < 0xDC00) {  // the first half of a pair
        Word("\\u");
        code = 0x10000 + ((code - 0xD800) << 10) + (Hexadecimal() - 0xDC00);
      }
      AppendUtf8(code, result);
      return;
    }
    const char* found = std::strchr(kNames, name);
    if (name == '\0' || found == nullptr) Fail();
    *result += kMeanings[found - kNames];
  }

  uint32_t Hexadecimal() {
    uint32_t code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      const char* digits = "0123456789abcdef";
      char digit = Peek() >= 'A' && Peek() <= 'F' ? Peek() + ('a' - 'A') : Peek();
      const char* found = std::strchr(digits, digit);
      if (digit == '\0' || found == nullptr) Fail();
      code = code * 16 + static_cast<uint32_t>(found - digits);
    }
    return code;
  }

  static void AppendUtf8(uint32_t code, std::string* result) {
    int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static constexpr uint32_t kFirst[] = {0x00, 0xC0, 0xE0, 0xF0};
    *result += static_cast<char>(kFirst[more] | (code >> (6 * more)));
    while (more-- > 0) {
      *result += static_cast<char>(0x80 | ((code >> (6 * more)) & 0x3F));
    }
  }

  double Number() {
    const char* begin = text_.c_str() + at_;
    if (Peek() != '-' && (Peek() < '0' || Peek() > '9')) Fail();
    char* end;
    double number = std::strtod(begin, &end);
    if (end == begin) Fail();
    at_ += end - begin;
    return number;
  }

  void Word(const char* word) {
    for (; *word; ++word) Take(*word);
  }

  void Take(char expected) {
    if (Peek() != expected) Fail();
    ++at_;
  }

  char Peek() const {
    if (at_ >= text_.size()) Fail();
    return text_[at_];
  }

  void SkipSpace() {
    while (at_ < text_.size() && std::strchr(" \t\r\n", text_[at_]) && text_[at_]) {
      ++at_;
    }
  }

  [[noreturn]] void Fail() const {
    throw Error("its JSON is broken at character " + std::to_string(at_));
  }

  const std::string& text_;
  size_t at_ = 0;
};

Json Json::Parse(const std::string& text) { return JsonParser(text).Parse(); }

const Json& Json::operator[](const std::string& name) const {
  Expect(Kind::kObject, "an object");
  for (size_t i = 0; i < names_.size(); ++i) {
    if (names_[i] == name) return items_[i];
  }
  throw Error("its metadata lacks \"" + name + "\"");
}

bool Json::Has(const std::string& name) const {
  for (const std::string& other : Names()) {
    if (other == name) return true;
  }
  return false;
}

const std::vector<std::string>& Json::Names() const {
  Expect(Kind::kObject, "an object");
  return names_;
}

const std::vector<Json>& Json::Items() const {
  Expect(Kind::kArray, "a list");
  return items_;
}

const std::string& Json::String() const {
  Expect(Kind::kString, "a string");
  return text_;
}

int Json::Integer() const {
  Expect(Kind::kNumber, "a number");
  if (number_ != std::floor(number_) || std::abs(number_) > 0x7FFFFFFF) {
    throw Error("its metadata has a number where an integer belongs");
  }
  return static_cast<int>(number_);
}

std::vector<int> Json::Integers() const {
  std::vector<int> integers;
  for (const Json& item : Items()) integers.push_back(item.Integer());
  return integers;
}

std::vector<std::string> Json::Strings() const {
  std::vector<std::string> strings;
  for (const Json& item : Items()) strings.push_back(item.String());
  return strings;
}

void Json::Expect(Kind kind, const char* what) const {
  if (kind_ != kind) {
    throw Error(std::string("its metadata lacks ") + what + " where one belongs");
  }
}

}  // namespace tfmusic
