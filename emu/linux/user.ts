/** The user and group that every emulated process runs as. */
export const USER_ID = 1000;
