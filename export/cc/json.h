// A reader of JSON, as small as a model's metadata allows.

#ifndef TFMUSIC_JSON_H_
#define TFMUSIC_JSON_H_

#include <string>
#include <vector>

namespace tfmusic {

// A JSON value. Asking one for what it is not throws `Error`.
class Json {
 public:
  // Throws `Error` where the text is not one JSON value.
  static Json Parse(const std::string& text);

  // The member of an object.
  const Json& operator[](const std::string& name) const;
  bool Has(const std::string& name) const;

  // The names of an object's members, in the text's order.
  const std::vector<std::string>& Names() const;
  const std::vector<Json>& Items() const;  // of an array
  const std::string& String() const;
  int Integer() const;

  std::vector<int> Integers() const;
  std::vector<std::string> Strings() const;

 private:
  friend class JsonParser;
  enum class Kind { kNull, kBoolean, kNumber, kString, kArray, kObject };

  void Expect(Kind kind, const char* what) const;

  Kind kind_ = Kind::kNull;
  double number_ = 0;  // or 0 and 1 for false and true
  std::string text_;
  std::vector<Json> items_;  // an object's values, too
  std::vector<std::string> names_;
};

}  // namespace tfmusic

#endif  // TFMUSIC_JSON_H_
