-- BDR 3.6 and 3.7: Standard (SE) or Enterprise (EE) Edition; any role.
SELECT bdr.bdr_edition() AS edition;
