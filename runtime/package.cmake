# The Debian package: `cmake --preset package && cmake --build --preset package && cpack --preset package`.
set(CPACK_PACKAGE_NAME open-do)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "the open-do authors <open-do@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "durable objects in Lua")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "Named, durable, single-threaded objects with WebSockets, storage, SQL and alarms,
whose classes are scripts that can be edited while they run.")
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION httpd)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# What no program names that it is linked with: a plugin, and what is loaded when it is needed.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libwebsockets-evlib-uv, libcurl4")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "libpq5, uacme, lua-busted, lua-check")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/runtime/debian/postinst
                                       ${PROJECT_SOURCE_DIR}/runtime/debian/prerm
                                       ${PROJECT_SOURCE_DIR}/runtime/debian/postrm)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION share/doc/open-do RENAME copyright)
include(CPack)
