/** Whose settings a file can be; the usual name of the file is that word and `.yaml`. */
export const SETTINGS_WORDS = ['coordinator', 'agent', 'operator'] as const;
export type SettingsWord = (typeof SETTINGS_WORDS)[number];
