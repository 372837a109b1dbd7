/* Tells the version of the header and the version of the library. */
#include <stdio.h>
#include <wasmedge/wasmedge.h>

int main(void) {
  printf("%s %s\n", WASMEDGE_VERSION, WasmEdge_VersionGet());
  return 0;
}
