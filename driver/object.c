// An ELF object that only holds bytes, made without an assembler.
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "driver/link.h"

// Sections: their names are in the string table together with those of the symbols.
enum { NONE, DATA, SYMBOLS, STRINGS, STACK_NOTE, N_SECTIONS };

static const char strings[] =
    "\0.rodata\0.symtab\0.strtab\0.note.GNU-stack\0dn_image_size\0dn_image_bytes";
enum { AT_RODATA = 1, AT_SYMTAB = 9, AT_STRTAB = 17, AT_NOTE = 25, AT_SIZE = 41, AT_BYTES = 55 };

enum { ALIGNMENT = 16, DATA_HEAD = 16 };  // the size stands before the bytes

typedef struct layout {
    size_t data, symbols, strings, sections, end;
} layout;

static size_t align(size_t n) { return (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

static layout lay_out(size_t size) {
    layout at = {.data = align(sizeof(Elf64_Ehdr))};
    at.symbols = align(at.data + DATA_HEAD + size);
    at.strings = align(at.symbols + 3 * sizeof(Elf64_Sym));
    at.sections = align(at.strings + sizeof strings);
    at.end = at.sections + N_SECTIONS * sizeof(Elf64_Shdr);
    return at;
}

static Elf64_Ehdr file_header(const layout *at) {
    return (Elf64_Ehdr){
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_REL,
        .e_machine = EM_X86_64,
        .e_version = EV_CURRENT,
        .e_shoff = at->sections,
        .e_ehsize = sizeof(Elf64_Ehdr),
        .e_shentsize = sizeof(Elf64_Shdr),
        .e_shnum = N_SECTIONS,
        .e_shstrndx = STRINGS,
    };
}

static void write_sections(const layout *at, size_t size, char *out) {
    Elf64_Shdr sections[N_SECTIONS] = {
        [DATA] = {.sh_name = AT_RODATA,
                  .sh_type = SHT_PROGBITS,
                  .sh_flags = SHF_ALLOC,
                  .sh_offset = at->data,
                  .sh_size = DATA_HEAD + size,
                  .sh_addralign = ALIGNMENT},
        [SYMBOLS] = {.sh_name = AT_SYMTAB,
                     .sh_type = SHT_SYMTAB,
                     .sh_offset = at->symbols,
                     .sh_size = 3 * sizeof(Elf64_Sym),
                     .sh_link = STRINGS,
                     .sh_info = 1,  // the first global symbol
                     .sh_addralign = 8,
                     .sh_entsize = sizeof(Elf64_Sym)},
        [STRINGS] = {.sh_name = AT_STRTAB,
                     .sh_type = SHT_STRTAB,
                     .sh_offset = at->strings,
                     .sh_size = sizeof strings,
                     .sh_addralign = 1},
        // Says that the stack need not be executable.
        [STACK_NOTE] = {.sh_name = AT_NOTE,
                        .sh_type = SHT_PROGBITS,
                        .sh_offset = at->sections,
                        .sh_addralign = 1},
    };
    memcpy(out + at->sections, sections, sizeof sections);
}

static void write_symbols(const layout *at, size_t size, char *out) {
    unsigned char info = ELF64_ST_INFO(STB_GLOBAL, STT_OBJECT);
    Elf64_Sym symbols[] = {
        {0},
        {.st_name = AT_SIZE, .st_info = info, .st_shndx = DATA, .st_size = 8},
        {.st_name = AT_BYTES,
         .st_info = info,
         .st_shndx = DATA,
         .st_value = DATA_HEAD,
         .st_size = size},
    };
    memcpy(out + at->symbols, symbols, sizeof symbols);
}

void dn_object_of_image(const char *bytes, size_t size, char **object, size_t *object_size) {
    layout at = lay_out(size);
    char *out = dn_xcalloc(at.end, 1);
    Elf64_Ehdr header = file_header(&at);
    uint64_t head = size;
    memcpy(out, &header, sizeof header);
    memcpy(out + at.data, &head, sizeof head);
    memcpy(out + at.data + DATA_HEAD, bytes, size);
    memcpy(out + at.strings, strings, sizeof strings);
    write_symbols(&at, size, out);
    write_sections(&at, size, out);
    *object = out;
    *object_size = at.end;
}
