typedef struct FILE FILE; // Enough for the declarations that name it.
