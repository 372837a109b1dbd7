/* Loads a libclang the way bindgen does, lets it parse a header, and tells its version.
 * Arguments: the library, the header, the compiler's arguments. */
#include <dlfcn.h>
#include <stdio.h>

/* From clang-c/Index.h and clang-c/CXString.h, which need not be installed. */
typedef struct {
  const void *data;
  unsigned flags;
} String;
enum { SEVERITY_ERROR = 3 };

static void *library;

static void *function(const char *name) {
  void *address = dlsym(library, name);
  if (!address) fprintf(stderr, "it has no function %s\n", name);
  return address;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  library = dlopen(argv[1], RTLD_NOW);
  if (!library) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  void *(*create_index)(int, int) = function("clang_createIndex");
  void *(*parse)(void *, const char *, const char *const *, int, void *, unsigned, unsigned) =
      function("clang_parseTranslationUnit");
  unsigned (*diagnostics)(void *) = function("clang_getNumDiagnostics");
  void *(*diagnostic)(void *, unsigned) = function("clang_getDiagnostic");
  int (*severity)(void *) = function("clang_getDiagnosticSeverity");
  String (*version)(void) = function("clang_getClangVersion");
  const char *(*text)(String) = function("clang_getCString");
  if (!create_index || !parse || !diagnostics || !diagnostic || !severity || !version || !text) return 1;

  /* The 1 makes it print what is wrong with the header. */
  void *unit = parse(create_index(0, 1), argv[2], (const char *const *)argv + 3, argc - 3, NULL, 0, 0);
  if (!unit) {
    fprintf(stderr, "it cannot parse a header\n");
    return 1;
  }
  for (unsigned i = 0; i < diagnostics(unit); i++)
    if (severity(diagnostic(unit, i)) >= SEVERITY_ERROR) return 1;
  printf("%s\n", text(version()));
  return 0;
}
